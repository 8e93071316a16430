"""Files and notes."""

import hashlib
import json
from typing import Any

from retinue.errors import NotFound, TooLarge
from retinue.storage import Blob, Kept

from ._bench import STRANGE, Bench, check, equal, refused

_DATA = bytes(range(256)) * 3


@check()
async def a_file_is_kept_by_its_content(bench: Bench) -> None:
    """Blob: A file, image or chart, by the SHA-256 of its bytes in hex; `size` in bytes."""
    here = await bench.thread()
    blobs = bench.store.blobs("ann")
    kept = await blobs.keep(here, _DATA, media_type="image/png", name="täst.png")
    hash = hashlib.sha256(_DATA).hexdigest()
    equal(kept, Blob(hash=hash, media_type="image/png", size=768, name="täst.png"), "the blob")
    equal(await blobs.blob(hash), kept, "the same when it is asked for")
    equal(await blobs.data(hash), _DATA, "its bytes")
    equal(await blobs.blobs(here), (kept,), "the blobs of the conversation")
    await blobs.keep(here, _DATA, media_type="image/png", name="täst.png")
    equal(len(await blobs.blobs(here)), 1, "one blob, when it is kept again")
    nothing = await blobs.keep(here, b"", media_type="text/plain")
    equal((nothing.size, nothing.name), (0, None), "a file without bytes, or name")
    equal(await blobs.data(nothing.hash), b"", "its bytes")


@check()
async def a_file_that_is_not_there_is_not_found(bench: Bench) -> None:
    """Every method that takes a conversation raises NotFound where there is none of that id."""
    blobs = bench.store.blobs("ann")
    hash = hashlib.sha256(_DATA).hexdigest()
    keep = blobs.keep("none", _DATA, media_type="image/png")
    await refused(keep, "it is kept for a conversation that is not there", NotFound)
    await refused(blobs.blobs("none"), "blobs() is asked for it", NotFound)
    await refused(blobs.blob(hash), "blob() is asked for it", NotFound)
    await refused(blobs.data(hash), "data() is asked for it", NotFound)


@check()
async def files_are_limited(bench: Bench) -> None:
    """keep: TooLarge: They are more than one blob, or all of one owner, may have."""
    here = await bench.thread()
    blobs = bench.store.blobs("ann")
    one, all = bench.place.blob_limit, bench.place.owner_limit
    too_large = blobs.keep(here, bytes(one + 1), media_type="x/y")
    await refused(too_large, "one is a byte larger than it may be", TooLarge)
    for n in range(all // one):
        await blobs.keep(here, bytes([n]) * one, media_type="x/y")
    left = all % one
    too_large = blobs.keep(here, b"z" * (left + 1), media_type="x/y")
    await refused(too_large, "all are a byte larger than they may be", TooLarge)
    await blobs.keep(here, b"z" * left, media_type="x/y")
    equal(len(await blobs.blobs(here)), all // one + 1, "what was kept")
    theirs = await bench.thread(owner="bob")
    await bench.store.blobs("bob").keep(theirs, b"z" * one, media_type="x/y")


@check()
async def a_note_is_kept_under_its_name(bench: Bench) -> None:
    """get: The JSON value, or None. put: Keep a JSON value; None forgets it."""
    notes = bench.store.notes("ann")
    equal(await notes.get("none"), None, "None for what is not there")
    values: tuple[Any, ...] = (1, 1.5, "", STRANGE, True, False, 0, [], {}, {"b": [{"a": None}]})
    for value in values:
        await notes.put("n", value)
        kept = await notes.get("n")
        equal(json.dumps(kept), json.dumps(value), "the value that was kept")
    await notes.put("n", None)
    equal(await notes.get("n"), None, "None for what is forgotten")
    equal(await notes.names(), (), "no name of what is forgotten")


@check()
async def what_was_kept_is_a_copy(bench: Bench) -> None:
    """put: Keep a JSON value."""
    notes = bench.store.notes("ann")
    value = {"a": [1]}
    await notes.put("n", value)
    value["a"].append(2)
    got = await notes.get("n")
    equal(got, {"a": [1]}, "what it was when it was kept")
    got["a"].append(3)
    equal(await notes.get("n"), {"a": [1]}, "the same, whatever became of what was got")


@check()
async def names_of_notes_begin_as_asked(bench: Bench) -> None:
    """names: Those that begin with the prefix."""
    notes = bench.store.notes("ann")
    for name in ("a/b", "a/c", "a%", "b"):
        await notes.put(name, 1)
    equal(sorted(await notes.names()), ["a%", "a/b", "a/c", "b"], "all names")
    equal(sorted(await notes.names("a/")), ["a/b", "a/c"], "those with a prefix")
    equal(await notes.names("a%"), ("a%",), "% stands for itself")
    equal(await notes.names("_"), (), "_ stands for itself")


@check()
async def a_note_is_kept_with_a_write(bench: Bench) -> None:
    """Kept: A note of the owner's, kept together with all else."""
    pen = await bench.pen()
    notes = bench.store.notes("ann")
    await pen.write(Kept(name="n", value={"a": [1, None]}), Kept(name="m", value=1))
    equal(await notes.get("n"), {"a": [1, None]}, "the note")
    await pen.write(Kept(name="m", value=None))
    equal(await notes.names(), ("n",), "what is not forgotten")
