"""The page behind a join link."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from sneaky.exchanges import join_links, registration
from sneaky.exchanges.pages.joining import join_page
from sneaky.web import locales
from sneaky.web.forms import form_page
from sneaky.web.public import blueprint
from sneaky.web.public.forms import JoinForm
from sneaky.web.signin.entering import network_address


@blueprint.route("/j/<token>", methods=["GET", "POST"])
def join(token: str) -> ResponseReturnValue:
    """Take part. Always answered alike; the letter tells whether the address had joined already."""
    exchange_id = join_links.exchange_of(token)
    page, form = join_page(exchange_id), JoinForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            registration.join(
                exchange_id,
                form.name.data,
                form.email.data,
                ip=network_address(),
                household_name=form.household_name.data,
                ideas=form.ideas.data,
                locale=locales.asked_for(),
            )
            return redirect(url_for("public.joined", token=token), 303)
    return form_page("public/join.html", form, page=page)


@blueprint.get("/j/<token>/joined")
def joined(token: str) -> ResponseReturnValue:
    """What happens next; the same words for everybody."""
    return render_template("public/joined.html", page=join_page(join_links.exchange_of(token)))
