import hashlib
import random
from itertools import combinations

import pyshamir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.errors import BadShareError
from meyasubako.crypto.shares import Share, combine, inverse, shares_of, split, times

SEED = bytes(range(32))
seeds = st.binary(min_size=32, max_size=32)
policies = st.integers(2, 6).flatmap(lambda k: st.tuples(st.just(k), st.integers(k, 8)))


@given(seeds, policies)
@settings(max_examples=40)
def test_every_k_of_n_shares_in_any_order_give_the_seed_back(seed, policy):
    k, n = policy
    shares = split(seed, k, n)
    assert [share.x for share in shares] == list(range(1, n + 1))
    for chosen in combinations(shares, k):
        assert combine(chosen[::-1]) == seed
    assert combine(shares) == seed


def test_the_largest_splitting_works():
    assert combine(split(SEED, 255, 255)) == SEED


@given(seeds, policies, st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_an_independent_implementation_combines_our_shares(seed, policy, chance):
    k, n = policy
    chosen = chance.sample(split(seed, k, n), k)
    assert bytes(pyshamir.combine([bytearray(share.y + bytes([share.x])) for share in chosen])) == seed


@given(seeds, policies, st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_we_combine_the_shares_of_an_independent_implementation(seed, policy, chance):
    k, n = policy
    theirs = chance.sample(pyshamir.split(seed, n, k), k)
    assert combine([Share(part[-1], bytes(part[:-1])) for part in theirs]) == seed


def test_known_coefficients_give_known_shares():
    """Computed once with the independent implementation's field: y(x) = seed + a·x + b·x²."""
    a, b = hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()
    shares = shares_of([int.from_bytes(part) for part in (b, a, SEED)], 3)
    assert [share.encode().hex() for share in shares] == KNOWN
    assert combine(shares) == SEED


KNOWN = [
    "01f4b56b07ce27e287c14274ddf2cf63763c2a87eb88bd742f6aea8330666f5639",
    "0277b8967f8bd718bb2b844ff9a8e25f455fc424f82a903ac070d56184209c8e30",
    "03830cff7b41f5fc3be2cf312f5620323c73ffb100b63858f80226f8af5aeec616",
]


def by_the_book(a: int, b: int) -> int:
    """Carry-less multiplication, then division by x^8 + x^4 + x^3 + x + 1."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def test_the_field_is_that_of_aes_for_every_pair_of_bytes_and_lanes_do_not_touch():
    row = int.from_bytes(bytes(range(32)))
    for factor in range(256):
        for start in range(0, 256, 32):
            vector = row + int.from_bytes(bytes([start]) * 32)
            assert times(vector, factor).to_bytes(32) == bytes(
                by_the_book(byte, factor) for byte in range(start, start + 32)
            )


def test_every_byte_but_zero_has_its_inverse():
    assert all(times(byte, inverse(byte)) == 1 for byte in range(1, 256))


@pytest.mark.parametrize(("k", "n"), [(2, 2), (2, 3), (3, 5)])
def test_fewer_than_k_shares_are_distributed_alike_whatever_the_seed(k, n):
    """For two far apart seeds, each byte of the first k-1 shares, and of what they combine to, looks uniform.

    Chi-square over 256 values: mean 255, deviation 22.6. Below 400 is more than six deviations, so chance
    fails this once in millions of runs, while a byte that depended on the seed would be far above.
    """
    for seed in (bytes(32), b"\xff" * 32):
        counts = [[0] * 256 for _ in range(k)]
        for _ in range(600):
            few = split(seed, k, n)[: k - 1]
            for row, value in zip(counts, [*(share.y for share in few), combine(few)], strict=True):
                for byte in value:
                    row[byte] += 1
        expected = 600 * 32 / 256
        for row in counts:
            assert sum((count - expected) ** 2 / expected for count in row) < 400


@given(seeds, policies)
@settings(max_examples=25)
def test_k_minus_one_shares_fit_every_seed(seed, policy):
    """The exact form: for any other seed there is a k-th share that completes the same k-1 shares to it."""
    k, n = policy
    few = split(seed, k, n)[: k - 1]
    other = random.Random(seed).randbytes(32)
    completing = combine_at(few, other, k)
    assert combine([*few, completing]) == other


def combine_at(few: list[Share], seed: bytes, x: int) -> Share:
    """The share at `x` of the polynomial through `few` and the seed at 0, with the origin shifted to `x`."""
    shifted = [Share(share.x ^ x, share.y) for share in few]
    return Share(x, combine([*shifted, Share(x, seed)]))


@given(seeds)
@settings(max_examples=25)
def test_one_wrong_share_spoils_the_result(seed):
    first, second, third = split(seed, 3, 3)
    wrong = Share(third.x, bytes(32) if third.y != bytes(32) else b"\1" * 32)
    assert combine([first, second, wrong]) != seed


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 3), (1, 1), (1, 3), (3, 2), (2, 256), (-1, 3)])
def test_impossible_numbers_of_holders_are_refused(k, n):
    with pytest.raises(BadShareError):
        split(SEED, k, n)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_only_seeds_of_32_bytes_are_shared(size):
    with pytest.raises(BadShareError):
        split(bytes(size), 2, 3)


def test_no_share_and_two_shares_of_one_holder_are_refused():
    first, second = split(SEED, 2, 2)
    for shares in [[], [first, first], [first, second, Share(first.x, second.y)]]:
        with pytest.raises(BadShareError):
            combine(shares)


@given(st.binary(max_size=40))
def test_bytes_are_a_share_or_are_refused(data):
    try:
        share = Share.decode(data)
    except BadShareError:
        assert len(data) != 33 or data[0] == 0
        return
    assert share.encode() == data
    assert share.digest() == hashlib.sha256(data).hexdigest()


def test_a_share_does_not_show_itself():
    share = Share(7, b"secretsecretsecretsecretsecretse")
    assert repr(share) == str(share) == "Share(x=7)"
    with pytest.raises(BadShareError) as refusal:
        Share(0, b"secret")
    assert "secret" not in str(refusal.value)
