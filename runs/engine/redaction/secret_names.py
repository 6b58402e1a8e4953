"""Which names are names of secrets. One rule, for JSON keys, headers, query parameters and `name=value` in a log line.

A name is split into words, at separators and at changes of case: `X-Api-Key`, `apiKey` and `API_KEY` are the words
`api key`. Digits at the end of a word do not count.

1. A name that only says something *about* a secret is harmless: its last word is one of ABOUT (`token_count`,
   `password_policy`), or its first one of ASKING (`has_password`).
2. A name is secret that has one of SECRET_WORDS or PAIRS anywhere: `secret_value`, `PASSWORD_HASH`,
   `STRIPE_API_KEY_EU`.
3. A name is secret that ends with one of LAST_WORDS, a word of HOLDERS behind it aside: `auth`, `token_value`.
   Amounts of tokens are none: `max_tokens`, and any number at such a name.

Words are compared whole, so `passenger`, `author`, `compass`, `monkey` and `passed` are no secrets; only the long
words are found inside a word without separators: `dbpassword`, `accesstoken`.
"""

import re
from itertools import pairwise

MOST_CHARACTERS = 256  # a longer key is data


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SECRET_WORDS = _words("""
    password passwords passwd pwd passphrase passcode passcodes secret secrets credential credentials jwt ssn bearer
    authorization apikey apikeys privatekey secretkey accesskey sessionid cardnumber cvc cvv
""")
PAIRS = frozenset(
    {("card", "number"), ("session", "id"), ("security", "code")}
    | {(kind, key) for kind in ("api", "access", "private", "signing", "encryption") for key in ("key", "keys")}
)
LAST_WORDS = _words("pass token tokens auth oauth signature signatures cookie cookies")
HOLDERS = _words("value values hash text string header headers raw data plain plaintext base64 hex encoded")
ABOUT = _words("""
    count length len size limit max min type kind policy url uri endpoint name id ids at date time expires expiry
    expiration ttl age status required enabled strength used usage left remaining version algorithm method mode
    provider scope scopes cost price rate valid verified
""")
ASKING = _words("is has needs requires show hide use uses no")
AMOUNTS = _words("max min total input output prompt completion used num number count cached reasoning remaining")
# Found at the end of a longer word: nothing else ends so.
ENDINGS = ("password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "privatekey")
# Each secret name holds one of these, in lower case: what a search through a text looks for before it reads a key.
TRACES = (
    *("pass", "pwd", "secret", "token", "jwt", "ssn", "bearer", "auth", "credential", "signature", "cookie", "cvc"),
    *("cvv", "api", "access", "private", "signing", "encryption", "card", "session", "security"),
)
_PARTS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_secret_name(name: str) -> bool:
    """Whether the value of this name is a secret, by the rule above."""
    return _verdict(name) != ""


def is_amount(name: str) -> bool:
    """Whether a number at this secret name is no secret: `tokens: 512`, `pass: 7`."""
    return _verdict(name) == "last"


def _verdict(name: str) -> str:
    """`word`: secret whatever it holds. `last`: secret unless it holds a number. "": harmless."""
    if len(name) > MOST_CHARACTERS:
        return ""
    words = [word.rstrip("0123456789") for word in _PARTS.sub(" ", name).lower().split()]
    words = [word for word in words if word]
    if not words or words[0] in ASKING:
        return ""
    pairs = set(pairwise(words))
    ends_in_pair = len(words) > 1 and (words[-2], words[-1]) in PAIRS
    if words[-1] in ABOUT and not ends_in_pair and words[-2:] != ["secret", "id"]:
        return ""
    if not SECRET_WORDS.isdisjoint(words) or not PAIRS.isdisjoint(pairs):
        return "word"
    while len(words) > 1 and words[-1] in HOLDERS:
        words.pop()
    if words[-1] == "tokens" and not AMOUNTS.isdisjoint(words):
        return ""
    if words[-1] in LAST_WORDS:
        return "last"
    return "word" if any(word.endswith(ENDINGS) or _is_glued(word) for word in words) else ""


def _is_glued(word: str) -> bool:
    """Such as `passwordhash`."""
    return any(word.startswith(start) and word[len(start) :] in HOLDERS for start in ("password", "secret"))
