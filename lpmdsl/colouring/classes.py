"""Kinds of pieces of a text for the eye of a reader, and their names in Pygments and TextMate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pygments import token as t
from pygments.token import _TokenType


@dataclass(frozen=True, slots=True)
class _Names:
    pygments: _TokenType
    textmate: str


class Colour(Enum):
    """Kinds of pieces. ``textmate`` is a scope without the name of the language at its end."""

    DOC = _Names(t.String.Doc, "comment.line.documentation")
    REMARK = _Names(t.Comment.Single, "comment.line.number-sign")
    STRING = _Names(t.String.Double, "string.quoted.double")
    UNCLOSED = _Names(t.Generic.Error, "invalid.illegal.unclosed-string")
    DATE = _Names(t.Literal.Date, "constant.numeric.date")
    NUMBER = _Names(t.Number, "constant.numeric")
    UNIT = _Names(t.Name.Constant, "keyword.other.unit")
    DECLARATION = _Names(t.Keyword.Reserved, "keyword.control.declaration")
    LATER = _Names(t.Keyword.Pseudo, "invalid.deprecated.not-there-yet")
    DECLARED = _Names(t.Name.Class, "entity.name.declared")
    ATTRIBUTE = _Names(t.Name.Variable, "variable.other.attribute")
    CLAUSE = _Names(t.Keyword, "keyword.other.clause")
    WORD = _Names(t.Keyword, "keyword.other")
    TEST = _Names(t.Operator.Word, "keyword.operator.word")
    TYPE = _Names(t.Keyword.Type, "storage.type")
    YES_NO = _Names(t.Keyword.Constant, "constant.language.boolean")
    BUILT_IN = _Names(t.Name.Builtin, "support.function")
    ARGUMENT = _Names(t.Name.Attribute, "variable.parameter")
    NAME = _Names(t.Name, "variable.other")
    OPERATOR = _Names(t.Operator, "keyword.operator")
    PUNCTUATION = _Names(t.Punctuation, "punctuation.separator")
    BLANK = _Names(t.Text.Whitespace, "")

    @property
    def pygments(self) -> _TokenType:
        """Pygments' type of token."""
        return self.value.pygments

    @property
    def scope(self) -> str:
        """TextMate's scope, or nothing for blanks."""
        return f"{self.value.textmate}.lpm" if self.value.textmate else ""
