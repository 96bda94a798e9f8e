"""What the pages about exchanges show: frozen facts for templates, never rows and never a recipient."""
