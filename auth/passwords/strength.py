"""Password strength, estimated by zxcvbn.

zxcvbn (Wheeler, USENIX Security 2016) estimates the guesses of an attacker who combines common passwords, names, words,
dates, keyboard walks, sequences and repetitions. With the default settings it rejects 85 % of the passwords of 15 or
more characters in Django's list, 96 % of two common passwords in a row and 93 % with a year after them; the list of 400
words that it replaced rejected 63 %, 45 % and 15 %. Neither rejects random passwords or four random words.
"""

from collections.abc import Iterable
from typing import Final

from zxcvbn import zxcvbn

_MAX_CHARACTERS: Final = 24
"""zxcvbn takes more than quadratic time, about 20 ms for 24 characters. Further characters are ignored."""
_TRANSLATION: Final = str.maketrans(
    # zxcvbn tries every combination of symbols for the same letter, which takes seconds for a crafted password; so each
    # letter keeps one symbol. Keys of the Russian layout become those of the American one, whose walks zxcvbn knows.
    "@{[<!|$+йцукенгшщзхъфывапролджэячсмитьбю",
    "4(((1157qwertyuiop[]asdfghjkl;'zxcvbnm,.",
)
_PHRASES: Final = """
raylens correcthorse batterystaple correcthorsebatterystaple tobeornottobe maytheforcebewithyou thequickbrownfox
thequickbrownfoxjumpsoverthelazydog jumpsoverthelazydog loremipsum loremipsumdolorsitamet hakunamatata carpediem
venividivici cogitoergosum onceuponatime iamyourfather winteriscoming livelongandprosper beammeupscotty
houstonwehaveaproblem helloworld inthebeginningwastheword ourfatherwhoartinheaven thelordismyshepherd
rosesareredvioletsareblue rosesarered violetsareblue twinkletwinklelittlestar itwasthebestoftimes callmeishmael
wethepeople godsavethequeen godsavetheking ihaveadream thisisapassword thisismypassword thisisasecret mypasswordis
ihatepasswords iforgotmypassword dontforgetthis nobodywillguessthis youwillneverguess letmeinplease openthedoor
"""
"""Common phrases that zxcvbn does not know, and the name of this service."""
_USER_INPUTS: Final = [phrase[:_MAX_CHARACTERS] for phrase in _PHRASES.split()]


def strength(password: str, own: Iterable[str] = ()) -> float:
    """The decimal logarithm of the estimated guesses. ``own`` are casefolded words that do not count."""
    text = password.casefold()
    for word in sorted(own, key=len, reverse=True):
        text = text.replace(word, "")
    text = text[:_MAX_CHARACTERS].translate(_TRANSLATION)
    return float(zxcvbn(text, user_inputs=_USER_INPUTS)["guesses_log10"]) if text else 0.0
