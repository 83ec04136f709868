"""RFC 9112's message heads as compiled patterns: the ABNF written down, linear by possessive quantifiers.

What does not match is refused; nothing is repaired. Two leniencies, both harmless since every head is
written anew: a response may lack the space before its empty reason phrase, and a request's target may hold
the characters that the URL Standard lets browsers send unencoded.
"""

import re
from typing import Final

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*+"
_HEX = rb"%[0-9A-Fa-f]{2}"
_UNRESERVED = rb"A-Za-z0-9\-._~"
_SUB_DELIMS = rb"!$&'()*+,;="
_PATH = rb"(?:[" + _UNRESERVED + _SUB_DELIMS + rb":@/\[\]|]++|" + _HEX + rb")*+"
_QUERY = rb"(?:[" + _UNRESERVED + _SUB_DELIMS + rb":@/?\[\]|{}^`\\]++|" + _HEX + rb")*+"
_REG_NAME = rb"(?:[" + _UNRESERVED + _SUB_DELIMS + rb"]++|" + _HEX + rb")++"
_AUTHORITY = rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|" + _REG_NAME + rb")(?::[0-9]{0,5})?"

TOKEN: Final = re.compile(_TOKEN)

# RFC 9112 section 3: method SP request-target SP HTTP-version CRLF, the target in origin-form.
REQUEST_LINE: Final = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}+) ((/" + _PATH + rb")(?:\?" + _QUERY + rb")?+) HTTP/1\.([01])\r\n"
)
# The other two forms that a proxy meets: absolute-form (3.2.2) and asterisk-form (3.2.4).
ABSOLUTE_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}+) [Hh][Tt][Tt][Pp][Ss]?+://("
    + _AUTHORITY
    + rb")((/"
    + _PATH
    + rb")?+(?:\?"
    + _QUERY
    + rb")?+) HTTP/1\.([01])\r\n"
)
ASTERISK_LINE = re.compile(rb"OPTIONS \* HTTP/1\.([01])\r\n")

# RFC 9112 section 4.
STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: (" + _TEXT + rb"))?+\r\n")

# RFC 9112 section 5, without obs-fold; ends with the empty line.
SECTION: Final = re.compile(rb"(?:" + _TOKEN + rb":" + _TEXT + rb"\r\n)*+\r\n")

# RFC 9110 section 7.2.
AUTHORITY: Final = re.compile(_AUTHORITY)
LENGTH: Final = re.compile(rb"[0-9]{1,18}")

# What no head can hold, wherever it stands: lets an unfinished head be refused at once.
FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])")

# For telling apart what is wrong with a request line that did not match.
LOOSE_LINE = re.compile(rb"([^ \r\n]*+) (.*) (HTTP/[0-9]\.[0-9])\r\n", re.DOTALL)

# What a request id of a trusted proxy may look like before it is passed on and logged.
REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9_.:=+/@-]{1,128}")

# W3C Trace Context, section 3.2.2: trace id, parent id, flags; later versions than 00 may have more.
TRACEPARENT = re.compile(
    rb"(?!ff)(?:00(?=.{53}\Z)|[0-9a-f]{2}(?<!00))-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
    rb"(?:-.*+)?+"
)
# Section 3.3.1: members `key=value`, some of them perhaps empty.
_MEMBER = rb"[ \t]*+(?:[a-z0-9][a-z0-9_*/@-]{0,255}+=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}+[ \t]*+)?+"
TRACESTATE = re.compile(_MEMBER + rb"(?:," + _MEMBER + rb")*+")
