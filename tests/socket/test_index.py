from stonechat.socket.index import MultiIndex


def test_an_item_is_found_under_each_of_its_keys() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.put(1, ["a", "b"])
    index.put(2, ["b"])

    assert index.get("a") == {1}
    assert index.get("b") == {1, 2}
    assert index.get("c") == set()
    assert sorted(index) == [1, 2]
    assert len(index) == 2


def test_putting_an_item_again_replaces_its_keys() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.put(1, ["a", "b"])
    index.put(1, ["b", "c"])

    assert index.get("a") == set()
    assert index.get("b") == {1}
    assert index.get("c") == {1}
    assert len(index) == 1


def test_a_key_goes_with_its_last_item() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.put(1, ["a", "b"])
    index.put(2, ["b"])
    assert index.discard(1)

    assert index.keys() == {"b"}
    assert 1 not in index
    assert 2 in index


def test_looking_up_an_unknown_key_does_not_make_it() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.get("a")

    assert not index.keys()


def test_discarding_what_is_not_there_says_so() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.put(1, ["a"])

    assert not index.discard(2)
    assert index.discard(1)
    assert not index.discard(1)


def test_an_item_without_keys_is_still_in_the_set() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.put(1, [])

    assert 1 in index
    assert not index.keys()


def test_a_looked_up_set_is_not_the_index_itself() -> None:
    index: MultiIndex[str, int] = MultiIndex()
    index.put(1, ["a"])
    found = index.get("a")
    found.clear()
    index.put(2, ["a"])

    assert found == set()
    assert index.get("a") == {1, 2}
