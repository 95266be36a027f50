from stonechat.socket.events import ClientEvent, ServerEvent


def test_a_client_sends_these_names() -> None:
    assert set(ClientEvent) == {
        "message:send",
        "message:delivered",
        "message:read",
        "typing:start",
        "typing:stop",
        "presence:get",
        "presence:set",
        "presence:subscribe",
        "presence:unsubscribe",
        "sync",
    }


def test_a_client_receives_these_names() -> None:
    assert set(ServerEvent) == {
        "connected",
        "message:delivered",
        "message:read",
        "message:notify",
        "typing:start",
        "typing:stop",
        "user:online",
        "user:offline",
        "presence:changes",
        "resync",
    }


def test_a_name_is_its_own_text_on_the_wire() -> None:
    assert f"{ServerEvent.USER_ONLINE}" == "user:online"
