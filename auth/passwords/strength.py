"""How much of a password somebody has to guess.

Hardly any of the world's common passwords has fifteen characters. Whoever has to use fifteen makes them of short common
ones: twice the same, two glued together, a year behind, along the keyboard. So the blocklist here is not a list of
passwords but of what they are made of, and a password is worth the characters that are left once those are taken out.
Four words that a person chose at random are worth enough, even common ones; ``Password1234567`` is worth three.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

WORDS: Final = """
password passwort passwd passw0rd pass parola parole senha contrasena motdepasse wachtwoord haslo sifre kennwort geheim
secret secure security sicher private admin administrator root sysadmin superuser user username guest login logon signin
test testing tester temp temporary demo example sample default change changeme changeit letmein access open opensesame
please welcome willkommen bienvenue hello hallo hola bonjour whatever nothing trustno1 master internet computer server
database system network windows linux android iphone samsung nokia google facebook linkedin myspace youtube twitter
instagram yahoo amazon apple microsoft playstation nintendo xbox minecraft fortnite pokemon naruto starwars startrek
matrix batman superman spiderman spider ironman pikachu mickey snoopy scooby barbie tinkerbell spongebob harrypotter
love iloveyou iloveu loveyou loveme lovely lover lovers ilove mylove forever always baby babygirl babyboy honey sweet
sweety sweetheart darling angel angels princess prince queen king kitty kitten sexy hottie cutie beautiful pretty happy
smile friend friends family mother father mommy daddy mama papa brother sister children
football soccer baseball basketball softball hockey tennis golf golfer volleyball skate skater rugby cricket player
liverpool arsenal chelsea manchester united barcelona realmadrid juventus ronaldo messi lakers yankees cowboys raiders
dallas redsox steelers eagles mustang ferrari porsche mercedes honda toyota yamaha harley camaro corvette
monkey dragon tiger tigger lion bear wolf eagle falcon phoenix panther dolphin elephant horse puppy doggy chicken turtle
butterfly spring summer autumn winter sunshine rainbow flower rose daisy sunday monday tuesday wednesday thursday friday
saturday january february march april june july august september october november december
black white blue green yellow orange purple pink silver golden
diamond crystal pepper ginger cookie cookies chocolate cheese banana cherry peanut coffee candy popcorn pizza
michael jordan jennifer jessica ashley nicole daniel anthony andrew joshua matthew robert thomas charlie david james
william richard joseph christian christopher chris alexander alex nicholas patrick brandon justin taylor amanda hannah
jasmine michelle elizabeth samantha victoria stephanie melissa madison maggie austin george hunter buster harry maria
marie anna john jack mike jackson johnson
shadow killer hacker ninja pirate soldier warrior ranger wizard legend monster thunder lightning storm magic mystery
freedom liberty america american england london france paris berlin germany deutschland italia espana brasil mexico
canada australia india pakistan china japan russia newyork california texas chicago
money million lucky winner success power super awesome cool number three four five seven eight nine
jesus christ bless blessed heaven faith peace hope spirit church bible
music guitar piano metallica nirvana eminem beatles rocknroll dance dancer
fuck fucker fuckyou fuckoff bitch asshole pussy shit cunt sucks
qazwsx qweasd qweasdzxc asdasd qweqwe zaq1 xsw2 1qaz 2wsx 3edc 4rfv abc123 qwe123 123qwe a1b2c3 1a2b3c 12qw qwaszx
school student teacher college university office company manager business service raylens
"""
"""The pieces of the most used passwords of public leaks, and this service's name."""

PHRASES: Final = """
correcthorsebatterystaple correcthorse batterystaple tobeornottobe maytheforcebewithyou thequickbrownfox
thequickbrownfoxjumpsoverthelazydog jumpsoverthelazydog loremipsum loremipsumdolorsitamet abracadabra
supercalifragilisticexpialidocious hakunamatata carpediem veni vidi vici cogitoergosum onceuponatime
iamyourfather winteriscoming livelongandprosper beammeupscotty houstonwehaveaproblem helloworld
inthebeginningwastheword ourfatherwhoartinheaven thelordismyshepherd johnthreesixteen
neuegefahrneuesglueck rosesareredvioletsareblue rosesarered violetsareblue twinkletwinklelittlestar
itwasthebestoftimes callmeishmael wethepeople godsavethequeen godsavetheking ihaveadream
thisisapassword thisismypassword thisisasecret mypasswordis ihatepasswords iforgotmypassword dontforgetthis
nobodywillguessthis youwillneverguess trythisone letmeinplease openthedoor
"""
"""What people think of first where a phrase is asked for."""

ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
)
"""Keys and letters that follow one another; the way back counts too."""

LEAST_RUN: Final = 3
WORD_WORTH: Final = 2
"""One of some hundreds is about as hard to guess as two characters."""
_LEET: Final = str.maketrans("4@831!0$57", "aabeiiosst")
_REPEATED: Final = re.compile(r"(.)\1\1+|(..+?)\2+")
_NOTHING: Final = "\x00"


def worth(password: str, own: Collection[str] = ()) -> int:
    """In characters. ``own``: words that count as one, for anybody would try them."""
    text = password.casefold()
    return min(_worth(variant, own) for variant in {text, text.translate(_LEET)})


def _worth(text: str, own: Collection[str]) -> int:
    for word in sorted(own, key=len, reverse=True):
        text = text.replace(word, _NOTHING)
    text = _REPEATED.sub(r"\1\2", text)
    text = _runs().sub(_NOTHING, text)
    text, words = _words().subn(_NOTHING, text)
    return len(text) + words * (WORD_WORTH - 1)


@lru_cache(maxsize=1)
def _words() -> re.Pattern[str]:
    return _any_of([*PHRASES.split(), *WORDS.split()])


@lru_cache(maxsize=1)
def _runs() -> re.Pattern[str]:
    """Every stretch of a row, the longest first."""
    rows = [row for way in ROWS for row in (way, way[::-1])]
    return _any_of({row[i:j] for row in rows for i in range(len(row)) for j in range(i + LEAST_RUN, len(row) + 1)})


def _any_of(texts: Collection[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text))))
