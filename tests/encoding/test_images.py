"""Images made ahead: the same tensors, within the bounds, and errors where the image is used."""

import concurrent.futures
import threading

import pytest
import torch

from tests.support.examples import image
from unlearnzoo.encoding.encode import Encoded
from unlearnzoo.encoding.images import ImageTensors, prefetch
from unlearnzoo.errors import DataError
from unlearnzoo.image import LazyImage

SIZE = 3 * 24 * 24 * 4


class Processor:
    """Gives an image's values as they are; remembers which thread asked, and may wait."""

    def __init__(self):
        self.threads, self.go, self.started = [], threading.Event(), threading.Semaphore(0)
        self.go.set()

    reads_question = False

    def images(self, text, images):
        pictures = [one.open() for one in images]
        self.threads.append(threading.current_thread() is threading.main_thread())
        if not self.threads[-1]:
            self.started.release()
            assert self.go.wait(10)
        flat = torch.frombuffer(bytearray(pictures[0].tobytes()), dtype=torch.uint8).float()
        return {"pixel_values": flat.reshape(1, 3, *pictures[0].size)}

    def joined(self, some):
        return {"pixel_values": torch.cat([one["pixel_values"] for one in some])}


def asked(picture):
    """A prompt with one picture."""
    return Encoded((), (), (), (picture,), "prompt")


def settle(pixels):
    """Wait until nothing is under way."""
    while pixels._under_way:
        concurrent.futures.wait(list(pixels._under_way.values()), 10)


def test_what_is_made_ahead_is_what_the_caller_would_have_made():
    processor = Processor()
    ahead, plain = ImageTensors(processor, large=0), ImageTensors(Processor())
    pictures = [asked(image(i)) for i in range(6)]
    ahead.prefetch(pictures)
    settle(ahead)
    for some in (pictures[:2], pictures[1:5], pictures):
        found = ahead(some)
        assert found.keys() == {"pixel_values"} and torch.equal(found["pixel_values"], plain(some)["pixel_values"])
    assert len(processor.threads) == 6 and not any(processor.threads)


def test_an_image_under_way_is_waited_for_not_made_twice():
    processor = Processor()
    pixels = ImageTensors(processor, large=0)
    processor.go.clear()
    pixels.prefetch([asked(image(1))])
    assert processor.started.acquire(timeout=10)
    timer = threading.Timer(0.1, processor.go.set)
    timer.start()
    pixels([asked(image(1))])
    assert processor.threads == [False]


def test_the_caller_does_not_wait_for_what_has_not_begun():
    processor = Processor()
    pixels = ImageTensors(processor, large=0)
    processor.go.clear()
    pixels.prefetch([asked(image(i)) for i in range(5)])
    pixels([asked(image(4))])
    assert True in processor.threads
    processor.go.set()
    settle(pixels)
    assert len(processor.threads) == 5


def test_memory_is_bounded_and_half_of_it_is_for_the_future():
    pixels = ImageTensors(Processor(), max_bytes=8 * SIZE, large=0)
    pictures = [asked(image(i)) for i in range(40)]
    pixels.prefetch(pictures)
    settle(pixels)
    assert 4 <= len(pixels._kept) <= 5
    for picture in pictures:
        pixels([picture])
        settle(pixels)
        assert pixels._kept.nbytes == len(pixels._kept) * SIZE <= 8 * SIZE and len(pixels._unused) <= 5


def test_an_error_is_the_callers_and_names_the_row():
    pixels = ImageTensors(Processor(), large=0)
    cut = image(1)._read()[:-900]
    broken = asked(LazyImage(lambda: cut, "set, split test row 7"))
    pixels.prefetch([asked(image(0)), broken, asked(LazyImage(lambda: b"none", "row 8")), asked(image(2))])
    settle(pixels)
    assert pixels([asked(image(0)), asked(image(2))])["pixel_values"].shape == (2, 3, 24, 24)
    with pytest.raises(DataError, match="set, split test row 7: the image cannot be decoded"):
        pixels([broken])


def test_small_images_are_left_to_the_caller():
    processor = Processor()
    pixels = ImageTensors(processor)
    pixels.prefetch([asked(image(0))])
    pixels([asked(image(0))])
    assert processor.threads == [True]
    pixels.prefetch([asked(image(1, 256))])
    settle(pixels)
    assert processor.threads == [True, False]


def test_items_are_foreseen_in_order_and_none_is_lost():
    wanted = []

    class Told:
        def prefetch(self, images):
            wanted.append(images)

    assert list(prefetch(range(5), lambda i: [i], Told())) == [0, 1, 2, 3, 4]
    assert wanted == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4], [4]]
    assert list(prefetch([], lambda i: [i], Told())) == []
