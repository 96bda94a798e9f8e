"""Letters on their way: queue, delivery, links, transports."""
