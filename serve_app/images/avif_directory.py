"""Reads the directory of an AVIF, a box "meta" of ISO/IEC 23008-12."""

from collections import defaultdict
from typing import Final, NamedTuple

from serve_app.images.boxes import BoxFields, BoxReader, MediaBox
from serve_app.images.stored_picture import damaged, unsupported

_UNIQUE: Final = frozenset((b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat"))
_IN_FILE, _IN_DIRECTORY = 0, 1


class AvifItem(NamedTuple):
    number: int
    kind: bytes
    method: int
    """Where its data is: in the file or in the directory."""
    extents: tuple[tuple[int, int], ...]
    """Start and length of each part of its data."""
    properties: tuple[tuple[bool, MediaBox], ...]
    """Each with whether a reader must know it."""


class AvifDirectory(NamedTuple):
    """``tiles``, ``auxiliaries`` and ``premultiplied`` are numbers of items, by the item that they belong to."""

    primary: int
    items: dict[int, AvifItem]
    tiles: dict[int, tuple[int, ...]]
    auxiliaries: dict[int, tuple[int, ...]]
    premultiplied: dict[int, tuple[int, ...]]
    sources: tuple[memoryview, memoryview]

    @classmethod
    def of(cls, file: memoryview, body: memoryview, reader: BoxReader) -> "AvifDirectory":
        """``body``: that of the box "meta".

        :raises CorruptImage: it is damaged or has too many entries.
        """
        boxes: dict[bytes, memoryview] = {}
        for box in reader.boxes(body[4:]):
            if box.name in boxes and box.name in _UNIQUE:
                raise damaged("AVIF", f"it has two boxes {box.name.decode()}")
            boxes[box.name] = box.body
        if not {b"pitm", b"iloc", b"iinf", b"iprp"} <= boxes.keys():
            raise damaged("AVIF", "its directory is incomplete")
        kinds, places = _kinds(boxes[b"iinf"], reader), _places(boxes[b"iloc"], reader)
        properties = _properties(boxes[b"iprp"], reader)
        items = {
            number: AvifItem(number, kind, *places.get(number, (_IN_FILE, ())), properties.get(number, ()))
            for number, kind in kinds.items()
        }
        fields, version, _ = BoxFields.of_full(boxes[b"pitm"])
        references = _references(boxes.get(b"iref", memoryview(b"")), reader)
        auxiliaries: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for number, kind, targets in references:
            if kind == b"auxl":
                for target in targets:
                    auxiliaries[target][number] = None
        return cls(
            fields.number(4 if version else 2),
            items,
            {number: targets for number, kind, targets in references if kind == b"dimg"},
            {number: tuple(found) for number, found in auxiliaries.items()},
            {number: targets for number, kind, targets in references if kind == b"prem"},
            (file, boxes.get(b"idat", memoryview(b""))),
        )

    def item(self, number: int) -> AvifItem:
        if number not in self.items:
            raise damaged("AVIF", "a part of the picture is missing")
        return self.items[number]

    def payload(self, item: AvifItem) -> bytes:
        """The data of the item, of at most the size of the file."""
        source = self.sources[item.method == _IN_DIRECTORY]
        if item.method > _IN_DIRECTORY:
            raise unsupported("AVIF with data in other items")
        if not item.extents or sum(length for _, length in item.extents) > len(source):
            raise damaged("AVIF", "a part of the picture is missing")
        parts = [source[start : start + length] for start, length in item.extents]
        if any(len(part) < length for part, (_, length) in zip(parts, item.extents, strict=True)):
            raise damaged("AVIF", "a part of the picture is missing")
        return b"".join(parts)


def _kinds(body: memoryview, reader: BoxReader) -> dict[int, bytes]:
    """The type of each item."""
    fields, version, _ = BoxFields.of_full(body)
    fields.number(4 if version else 2)
    kinds: dict[int, bytes] = {}
    for box in reader.boxes(fields.rest()):
        entry, entry_version, _ = BoxFields.of_full(box.body)
        if entry_version >= 2:
            number = entry.number(4 if entry_version > 2 else 2)
            entry.number(2)
            kinds[number] = entry.bytes(4)
    return kinds


def _places(body: memoryview, reader: BoxReader) -> dict[int, tuple[int, tuple[tuple[int, int], ...]]]:
    """How the data of each item is stored, and its extents."""
    fields, version, _ = BoxFields.of_full(body)
    sizes = fields.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    places: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {}
    for _ in range(reader.count(fields.number(4 if version == 2 else 2))):
        number = fields.number(4 if version == 2 else 2)
        method = fields.number(2) & 15 if version else _IN_FILE
        fields.number(2)
        base, extents = fields.number(base_size), []
        for _ in range(reader.count(fields.number(2))):
            fields.number(index_size if version else 0)
            start = base + fields.number(offset_size)
            extents.append((start, fields.number(length_size)))
        places[number] = (method, tuple(extents))
    return places


def _properties(body: memoryview, reader: BoxReader) -> dict[int, tuple[tuple[bool, MediaBox], ...]]:
    """The properties of each item."""
    boxes = list(reader.boxes(body))
    known = [box for container in boxes if container.name == b"ipco" for box in reader.boxes(container.body)]
    found: dict[int, tuple[tuple[bool, MediaBox], ...]] = {}
    for box in boxes:
        if box.name != b"ipma":
            continue
        fields, version, flags = BoxFields.of_full(box.body)
        size = 2 if flags & 1 else 1
        for _ in range(reader.count(fields.number(4))):
            number = fields.number(4 if version else 2)
            indices = [fields.number(size) for _ in range(reader.count(fields.number(1)))]
            essential = 1 << (8 * size - 1)
            if any(index & ~essential > len(known) for index in indices):
                raise damaged("AVIF", "a property is missing")
            pairs = ((bool(index & essential), index & ~essential) for index in indices)
            found[number] = tuple((needed, known[index - 1]) for needed, index in pairs if index)
    return found


def _references(body: memoryview, reader: BoxReader) -> list[tuple[int, bytes, tuple[int, ...]]]:
    """Item, type and targets of each reference."""
    if not body:
        return []
    fields, version, _ = BoxFields.of_full(body)
    size, found = 4 if version else 2, []
    for box in reader.boxes(fields.rest()):
        reference = BoxFields(box.body)
        number, count = reference.number(size), reader.count(reference.number(2))
        found.append((number, box.name, tuple(reference.number(size) for _ in range(count))))
    return found
