"""Jinja as Flask sets it up, but with one set of globals, and with texts that are translated once."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from keyword import iskeyword
from typing import Any, Self

from flask import Flask
from flask.sansio.app import App
from flask.templating import Environment
from flask_babel import get_locale, get_translations
from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from sneaky.web.locales import dictionary_of

_TRANSLATES = {"_", "gettext"}


class _Direct(CodeGenerator):
    """Writes templates as Python that goes a shorter way to what it calls and puts on the page.

    A page does each of it hundreds of times.
    """

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        """Call at once; Jinja would first look for a wish for the context, and nothing we call has one."""
        if node.dyn_args is not None or any(iskeyword(argument.key) for argument in node.kwargs):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for argument in (*node.args, *node.kwargs):
            self.visit(argument, frame)
            self.write(", ")
        if node.dyn_kwargs is not None:
            self.write("**")
            self.visit(node.dyn_kwargs, frame)
            self.write(", ")
        self.write("caller=caller)" if forward_caller else ")")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        """Let markup pass as it is, which Jinja would make anew, and escape everything else."""
        if _escapes(frame):
            self.write("(out if type(out := ")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _escapes(frame):
            self.write(") is Markup else escape(out))")
        else:
            super()._output_child_post(node, frame, finalize)


def _escapes(frame: Frame) -> bool:
    return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile


class TranslatedTemplates(Environment):
    """An environment that compiles each template once for each language, with its plain texts translated.

    Texts that hold values, or count, are translated as the page is made. Languages are overlays of this
    environment, and it hands out the templates of the one that is spoken right now.
    """

    code_generator_class = _Direct

    words: Mapping[str, Markup] | None = None
    """The translations that an overlay compiles in."""

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(app, **options)
        self._languages: dict[str, Self] = {}

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of every template, which has none of its own.

        Jinja would chain each template's in front of the shared ones, and go through such a chain key by
        key, in Python, at every import.
        """
        if d:
            raise ValueError("a template cannot have globals of its own")
        return self.globals

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  (the name that Jinja gives it)
    ) -> Template:
        """The template in the language that is spoken right now; what it includes speaks the same."""
        if self.overlayed:
            return super().get_template(name, parent, globals)
        return self._in_language(str(get_locale())).get_template(name, parent, globals)

    def compile(
        self, source: str | nodes.Template, name: str | None = None, *args: Any, **options: Any
    ) -> Any:
        """Compile a template with its texts translated; one that comes as a mere string, as it is."""
        if self.words is not None and isinstance(source, str):
            source = _Translator(self.words).visit(self.parse(source, name))
        return super().compile(source, name, *args, **options)

    def _in_language(self, language: str) -> Self:
        if language not in self._languages:
            overlay = self.overlay(cache_size=-1)
            overlay.words = dictionary_of(get_translations())
            self._languages[language] = overlay
        return self._languages[language]


class _Translator(NodeTransformer):
    """Puts the translation where a template asks for that of a plain text."""

    def __init__(self, words: Mapping[str, Markup]) -> None:
        self._words = words

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  (named for the kind of node)
        """Translate a call that gives a text and nothing to fill in."""
        self.generic_visit(node)
        if isinstance(node.node, nodes.Name) and node.node.name in _TRANSLATES:
            match node.args, node.kwargs, node.dyn_args, node.dyn_kwargs:
                case [nodes.Const(value=str(text))], [], None, None:
                    return nodes.Const(_plain(self._words[text]), lineno=node.lineno)
        return node


def _plain(words: Markup) -> str:
    """As bare as it can be: Jinja would make markup anew wherever a constant stands."""
    bare = str(words)
    return bare if escape(bare) == bare else words


def init_app(app: Flask) -> None:
    """Choose the environment. This comes first, since Flask makes it when somebody asks for it."""
    app.jinja_environment = TranslatedTemplates
