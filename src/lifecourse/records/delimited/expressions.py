"""The expressions of a mapping file, as MEDS-Extract 0.7 writes them: text in, a tree out.

``$column``, ``"text"``, ``f"LAB//{$item ?? 'UNK'}"``, ``$time as "%Y-%m-%d"`` (or ``::``; ``?`` before the format is
allowed and changes nothing, because a value that does not fit is always laid aside), ``$a ?? $b``, arithmetic,
comparisons, ``and or not``, ``x if condition else y``, ``/regex/ in $a``, ``extract group 1 of /regex/ from $a``,
``$a[0:3]`` and functions. A bare word is text. Of our own: ``$a in ("1", "2")``, ``not in``, ``is null``,
``is not null``, and a code without quotes: ``LOINC//4548-4``.

The grammar is dftly's (https://github.com/mmcdermott/dftly, 0.7), written anew.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lifecourse.records.delimited.tree import (
    Among,
    Call,
    Cast,
    Choice,
    Column,
    Joined,
    Literal,
    Missing,
    Moment,
    Node,
    Operation,
    Pattern,
    Slice,
)


class ExpressionError(ValueError):
    """An expression that cannot be read; says where, and what was expected."""


KEYWORDS = {"as", "if", "else", "and", "or", "not", "in", "is", "null"}
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<format>f(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<moment>\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?)
  | (?P<clock>\d{1,2}:\d{2}(?::\d{2})?(?!\d))
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<column>\$(?:[A-Za-z_]\w*|`[^`\n]+`))
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>::|\?\?|&&|\|\||==|!=|>=|<=|\*\*|[-+*/<>()\[\],:?!@])
  | (?P<end>$)
    )""",
    re.VERBOSE,
)
_PLAIN_CODE = re.compile(r"\s*\w+(//[\w.:%^{}+-]+)+\s*")
"""A code written without quotes, ``LOINC//4548-4``: no expression looks like it."""
_REGEX = re.compile(r"\s*/((?:[^/\\\n]|\\.)*)/")
_ESCAPE = re.compile(r"\\(.)")


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The tree of an expression.

    Raises
    ------
    ExpressionError
        The text is no expression.
    """
    if _PLAIN_CODE.fullmatch(text):
        return Literal(text.strip())
    reader = _Reader(text)
    found = reader.cast()
    reader.done()
    return found


class _Reader:
    """Reads an expression from left to right; one method a level of precedence, the loosest first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._kind = ""
        self._token = ""
        self._start = 0
        self._next()

    # -- levels ------------------------------------------------------------------------------------------------

    def cast(self) -> Node:
        node = self._conditional()
        while True:
            if self._takes_word("as"):
                self._takes("?")
                node = Cast(node, self._target())
            elif self._takes("@"):
                node = Operation("@", (node, Literal(self._taken("clock", "a time such as 12:00"))))
            else:
                return node

    def _conditional(self) -> Node:
        node = self._coalesce()
        if not self._takes_word("if"):
            return node
        condition = self._coalesce()
        otherwise = self.cast() if self._takes_word("else") else None
        return Choice(condition, node, otherwise)

    def _coalesce(self) -> Node:
        node = self._or()
        while self._takes("??"):
            node = Operation("??", (node, self._or()))
        return node

    def _or(self) -> Node:
        node = self._and()
        while self._takes("||") or self._takes_word("or"):
            node = Operation("or", (node, self._and()))
        return node

    def _and(self) -> Node:
        node = self._comparison()
        while self._takes("&&") or self._takes_word("and"):
            node = Operation("and", (node, self._comparison()))
        return node

    def _comparison(self) -> Node:
        # `not` here as well as below: `not $a == "1"` is meant of the comparison.
        if self._takes_word("not"):
            return Operation("not", (self._comparison(),))
        node = self._sum()
        for sign in ("==", "!=", ">=", "<=", ">", "<"):
            if self._takes(sign):
                return Operation(sign, (node, self._sum()))
        if self._takes_word("is"):
            negated = self._takes_word("not")
            if not self._takes_word("null"):
                raise self._wrong("'null' after 'is'")
            return _negated(Missing(node), negated)
        negated = self._takes_word("not")
        if self._takes_word("in"):
            return _negated(Among(node, self._values()), negated)
        if negated:
            raise self._wrong("'in' after 'not'")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while self._kind == "sign" and self._token in ("+", "-"):
            sign = self._advance()
            node = Operation(sign, (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._power()
        while self._kind == "sign" and self._token in ("*", "/"):
            sign = self._advance()
            node = Operation(sign, (node, self._power()))
        return node

    def _power(self) -> Node:
        node = self._local_cast()
        return Operation("**", (node, self._power())) if self._takes("**") else node

    def _local_cast(self) -> Node:
        node = self._unary()
        while self._takes("::"):
            self._takes("?")
            node = Cast(node, self._target())
        return node

    def _unary(self) -> Node:
        if self._takes("!"):
            return Operation("not", (self._unary(),))
        if self._takes("-"):
            return Operation("negate", (self._unary(),))
        self._takes("+")
        return self._postfix()

    def _postfix(self) -> Node:
        node = self._primary()
        while self._takes("["):
            node = self._slice(node)
        return node

    # -- pieces ------------------------------------------------------------------------------------------------

    def _primary(self) -> Node:
        if self._is_sign("/"):
            regex = self._regex()
            if not self._takes_word("in"):
                raise self._wrong("'in' after a /regex/")
            return Pattern(regex, self._sum(), None)
        if self._takes("("):
            node = self.cast()
            self._takes_or_fails(")")
            return node
        kind = self._kind
        if kind not in ("format", "text", "moment", "number", "column", "word"):
            raise self._wrong("a value")
        if kind == "word" and self._token.lower() in KEYWORDS:
            raise self._wrong(f"a value: text that is the word {self._token} takes quotes")
        return self._constant(kind, self._advance())

    def _constant(self, kind: str, token: str) -> Node:
        match kind:
            case "format":
                return _joined(_unquoted(token[1:]))
            case "text":
                return Literal(_unquoted(token))
            case "moment":
                return Moment(token)
            case "number":
                return Literal(float(token))
            case "column":
                return Column(token[1:].strip("`"))
            case _:
                return self._word(token)

    def _word(self, word: str) -> Node:
        if word.lower() == "extract" and (self._is_sign("/") or self._is_word("group")):
            return self._extract()
        if self._takes("("):
            arguments = []
            while not self._takes(")"):
                arguments.append(self.cast())
                if not self._takes(","):
                    self._takes_or_fails(")")
                    break
            if word == "col":
                raise ExpressionError("col(name) is written $name since MEDS-Extract 0.6")
            return Call(word, tuple(arguments))
        if word.lower() in ("true", "false"):
            return Literal(word.lower() == "true")
        return Literal(word)

    def _extract(self) -> Node:
        group = 0
        if self._takes_word("group"):
            group = int(self._taken("number", "the number of a group"))
            if not self._takes_word("of"):
                raise self._wrong("'of' after the number of a group")
        regex = self._regex()
        if not self._takes_word("from"):
            raise self._wrong("'from' after a /regex/")
        return Pattern(regex, self._sum(), group)

    def _regex(self) -> str:
        found = _REGEX.match(self._text, self._start)
        if found is None:
            raise self._wrong("a /regex/")
        self._at = found.end()
        self._next()
        return found[1].replace("\\/", "/")

    def _values(self) -> tuple[Node, ...]:
        closes = ")" if self._takes("(") else "]"
        if closes == "]":
            self._takes_or_fails("[")
        values = [self._sum()]
        while self._takes(","):
            values.append(self._sum())
        self._takes_or_fails(closes)
        return tuple(values)

    def _slice(self, node: Node) -> Node:
        if self._kind == "clock":  # [10:30] reads as a time
            first, last = self._advance().split(":")[:2]
            self._takes_or_fails("]")
            return Slice(node, int(first), int(last))
        start = self._bound()
        self._takes_or_fails(":")
        stop = self._bound()
        self._takes_or_fails("]")
        return Slice(node, start or 0, stop)

    def _bound(self) -> int | None:
        sign = -1 if self._takes("-") else 1
        if self._kind != "number":
            return None
        return sign * int(float(self._advance()))

    def _target(self) -> str:
        if self._kind == "text":
            return _unquoted(self._advance())
        return self._taken("word", "a type or a format in quotes")

    # -- tokens ------------------------------------------------------------------------------------------------

    def done(self) -> None:
        if self._kind != "end":
            raise self._wrong("the end")

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            rest = self._text[self._at :].lstrip()
            raise ExpressionError(f"cannot be read from '{rest[:20]}' on")
        self._kind = str(found.lastgroup)
        self._token = found[self._kind]
        self._start = found.start(self._kind)
        self._at = found.end()

    def _advance(self) -> str:
        token = self._token
        self._next()
        return token

    def _is_sign(self, sign: str) -> bool:
        return self._kind == "sign" and self._token == sign

    def _takes(self, sign: str) -> bool:
        if self._is_sign(sign):
            self._next()
            return True
        return False

    def _is_word(self, word: str) -> bool:
        return self._kind == "word" and self._token.lower() == word

    def _takes_word(self, word: str) -> bool:
        if self._is_word(word):
            self._next()
            return True
        return False

    def _takes_or_fails(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._wrong(f"'{sign}'")

    def _taken(self, kind: str, what: str) -> str:
        if self._kind != kind:
            raise self._wrong(what)
        return self._advance()

    def _wrong(self, expected: str) -> ExpressionError:
        where = f"before '{self._token}'" if self._kind != "end" else "at the end"
        return ExpressionError(f"expected {expected} {where}")


def _negated(node: Node, negated: bool) -> Node:
    return Operation("not", (node,)) if negated else node


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


def _closing(text: str, at: int) -> int:
    """The place of the brace that closes the one at `at`: others, and quotes, may lie between."""
    depth, quote = 0, ""
    for place in range(at, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "{}":
            depth += 1 if sign == "{" else -1
            if depth == 0:
                return place
    raise ExpressionError("a { of an f-string has no }")


def _joined(text: str) -> Node:
    """The parts of an f-string: text, and expressions in braces; doubled braces are braces."""
    parts: list[Node] = []
    held = ""
    at = 0
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            held += text[at]
            at += 2
        elif text[at] == "{":
            end = _closing(text, at)
            parts += [Literal(held)] if held else []
            parts.append(parse(text[at + 1 : end]))
            held, at = "", end + 1
        else:
            held += text[at]
            at += 1
    parts += [Literal(held)] if held else []
    return Joined(tuple(parts))
