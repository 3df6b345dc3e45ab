"""Filters of the searches: ``metrics.loss < 0.1 AND params.`model` = 'tree'``.

    filter     = comparison { AND comparison }
    comparison = identifier operator value | identifier IS [NOT] NULL
               | identifier [NOT] IN ( value { , value } )
    operator   = = | != | < | <= | > | >= | LIKE | ILIKE
    identifier = key | prefix . key

Keys may be quoted with backticks or double quotes, text with single or double quotes, which are
doubled inside of it; a backslash stands for itself. A key without quotes may have dots. There is no
OR and no NOT, as in MLflow. Parsing is linear in the length of the text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from flavorkit.errors import InvalidArgumentError
from flavorkit.tracking.search.fields import Entity, Field, Kind

MAX_LENGTH = 65_536
MAX_COMPARISONS = 100
MAX_LIST = 1_000
MAX_NUMBER = 400

Value = str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition of a filter.

    Args:
        field: what is compared.
        operator: in upper case.
        value: text or a number, as the field is; a tuple for ``IN``; None for ``IS NULL``.
    """

    field: Field
    operator: str
    value: Value


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<word>\w+)
      | (?P<backtick>`[^`]*`)
      | (?P<double>"(?:""|\\"|[^"])*")
      | (?P<single>'(?:''|\\'|[^'])*')
      | (?P<operator><=|>=|!=|<>|==|=|<|>)
      | (?P<mark>[.,();])
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[-+]?[0-9]+\Z")
_END = ("end", "")
Token = tuple[str, str]


def parse_filter(text: str | None, entity: Entity) -> tuple[Comparison, ...]:
    """The conditions of a filter, all of which have to hold; none for empty text.

    Args:
        text: the filter.
        entity: whose fields it names.

    Raises:
        InvalidArgumentError: it is no filter, or names what the entity has not.
    """
    if not text or not text.strip():
        return ()
    parser = Parser(text)
    found = [_comparison(parser, entity)]
    while parser.take_word("AND"):
        if len(found) == MAX_COMPARISONS:
            raise InvalidArgumentError(f"a filter has at most {MAX_COMPARISONS} conditions")
        found.append(_comparison(parser, entity))
    parser.expect_end("AND")
    return tuple(found)


class Parser:
    """The tokens of a text, one after the other.

    Raises:
        InvalidArgumentError: the text is too long, or holds what is no token.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise InvalidArgumentError(f"a filter has at most {MAX_LENGTH} characters")
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def peek(self) -> Token:
        """The next token, which stays."""
        return self._tokens[self._next]

    def take(self) -> Token:
        """The next token."""
        token = self._tokens[self._next]
        if token is not _END:
            self._next += 1
        return token

    def take_word(self, *words: str) -> str | None:
        """The next token in upper case if it is one of these words; else it stays."""
        kind, text = self.peek()
        if kind == "word" and text.upper() in words:
            self._next += 1
            return text.upper()
        return None

    def take_mark(self, mark: str) -> bool:
        """Whether the next token is this mark; else it stays."""
        if self.peek() == ("mark", mark):
            self._next += 1
            return True
        return False

    def expect_end(self, *instead: str) -> None:
        """Complain unless all has been read."""
        self.take_mark(";")
        if self.peek() is not _END:
            raise self.error(f"expected {' or '.join(instead)} or the end")

    def identifier(self) -> tuple[str | None, str]:
        """What stands before the first dot, if there is one, and the rest."""
        parts = [self._name()]
        while self.take_mark("."):
            parts.append(self._name())
        if len(parts) == 1:
            return None, parts[0]
        return parts[0], ".".join(parts[1:])

    def error(self, problem: str) -> InvalidArgumentError:
        """An error about the next token."""
        _, text = self.peek()
        where = f"before {text[:40]!r}" if text else "at the end"
        return InvalidArgumentError(
            f"cannot read {_shown(self._text)}: {problem} {where}. A filter is made of comparisons"
            " like metrics.loss < 0.1, params.model = 'tree' or tags.`a key` LIKE 'x%', joined"
            " with AND"
        )

    def _name(self) -> str:
        kind, text = self.peek()
        if kind == "word":
            self._next += 1
            return text
        if kind in {"backtick", "double"}:
            self._next += 1
            return text[1:-1]
        raise self.error("expected a name")


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise InvalidArgumentError(
                f"cannot read {_shown(text)}: unexpected {text[position:].lstrip()[:20]!r}"
            )
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return [*tokens, _END]


def _comparison(parser: Parser, entity: Entity) -> Comparison:
    of = entity.field(*parser.identifier())
    operator = _operator(parser)
    if operator not in entity.operators(of):
        raise InvalidArgumentError(
            f"{of.kind} {of.key!r} of {entity.name} is compared with"
            f" {', '.join(sorted(entity.operators(of)))}, not with {operator}"
        )
    return Comparison(of, operator, _value(parser, of, operator))


def _operator(parser: Parser) -> str:
    kind, text = parser.peek()
    if kind == "operator":
        parser.take()
        return {"<>": "!=", "==": "="}.get(text, text)
    if parser.take_word("IS"):
        negated = parser.take_word("NOT")
        if not parser.take_word("NULL"):
            raise parser.error("expected NULL")
        return "IS NOT NULL" if negated else "IS NULL"
    if parser.take_word("NOT"):
        if not parser.take_word("IN"):
            raise parser.error("expected IN")
        return "NOT IN"
    word = parser.take_word("LIKE", "ILIKE", "IN")
    if word is None:
        raise parser.error("expected a comparison")
    return word


def _value(parser: Parser, of: Field, operator: str) -> Value:
    if operator in {"IS NULL", "IS NOT NULL"}:
        return None
    if operator in {"IN", "NOT IN"}:
        return _list(parser)
    return _number(parser, of) if of.is_number else _text(parser)


def _list(parser: Parser) -> tuple[str, ...]:
    if not parser.take_mark("("):
        raise parser.error("expected a list in parentheses")
    values = [_text(parser)]
    while parser.take_mark(","):
        if parser.peek() == ("mark", ")"):
            break
        if len(values) == MAX_LIST:
            raise InvalidArgumentError(f"a list in a filter has at most {MAX_LIST} values")
        values.append(_text(parser))
    if not parser.take_mark(")"):
        raise parser.error("expected ) or ,")
    return tuple(values)


def _text(parser: Parser) -> str:
    kind, text = parser.peek()
    if kind not in {"single", "double"}:
        raise parser.error("expected text in quotes")
    parser.take()
    return text[1:-1].replace(text[0] * 2, text[0])


def _number(parser: Parser, of: Field) -> int | float:
    kind, text = parser.peek()
    if kind in {"single", "double"} and of.kind is Kind.ATTRIBUTE and _NUMBER.match(text[1:-1]):
        kind, text = "number", text[1:-1]
    if kind != "number":
        raise parser.error(f"{of.kind} {of.key!r} is compared with a number; expected one")
    parser.take()
    number = float(text)
    if math.isinf(number) or len(text) > MAX_NUMBER:
        raise InvalidArgumentError(f"{_shown(text)} is larger than any number, or too long for one")
    if of.kind is Kind.ATTRIBUTE and text.lstrip("+-").isdecimal():
        # Attributes are integers of 64 bits: beyond them lies nothing that could differ.
        return max(-(2**63), min(int(text), 2**63 - 1))
    return number


def _shown(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:200]}...")
