from __future__ import annotations

from typing import Any, Final

from ...core.context import UNSET, HookContext, Params
from ...core.errors import BadRequest, Conflict, Forbidden, NotFound
from ...core.pagination import records_of
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.access import PLACES
from ...hooks.membership import MANAGERS, caller, only_own, require_people, require_place
from ...models import Message
from .schema import ConversationData, ConversationPatch, ConversationQuery

OPEN_TO_STUDENTS: Final = frozenset({"direct", "group"})
UNREAD_SHOWN: Final = 100


def by_caller(context: HookContext) -> None:
    """Whoever calls is the creator. Own code says for whom it calls by ``params.user``."""
    context.data["createdBy"] = caller(context)["_id"]


def kinds_by_role(context: HookContext) -> None:
    user, kind = context.params.user, context.data["kind"]
    student = context.params.provider and user is not None and user["role"] == "student"
    if student and kind not in OPEN_TO_STUDENTS:
        raise Forbidden(f"Only teacher or admin may create a {kind} conversation")


async def check_shape(context: HookContext) -> None:
    """What each kind needs: two people, a class that one teaches, or a name. Raises BadRequest, Forbidden."""
    data, kind = context.data, context.data["kind"]
    others = [one for one in dict.fromkeys(data["memberIds"]) if one != data["createdBy"]]
    data["memberIds"] = others
    if kind == "direct":
        if len(others) != 1:
            raise invalid("memberIds", "a direct conversation has exactly one other person")
        first, second = sorted((str(data["createdBy"]), str(others[0])))
        data["directKey"] = f"{first}:{second}"
        data.pop("name", None)
    elif "name" not in data:
        raise invalid("name", "Missing data for required field.")
    if kind == "class":
        await _check_class(context)
        data["memberIds"] = others = await _with_people_of_class(context, others)
    elif "classId" in data:
        raise invalid("classId", "only a class conversation has a class")
    if context.params.provider and others:
        await require_people(context, "memberIds", others)
        await _check_room(context, 1 + len(others))


async def answer_existing(context: HookContext) -> None:
    """Two people have one direct conversation: asked for again, also at the same time, it is the same one."""
    if context.error is not None and not isinstance(context.error, Conflict):
        return
    key = context.data.get("directKey")
    if key is None:
        return
    school = context.params.get("tenant") or context.data.get("schoolId")
    found = await context.service.find(
        Params(query={"directKey": key, "$limit": 1}, tenant=school, paginate=False)
    )
    if found:
        context.result = found[0]
        context.event = None
        context.http.status = 200


async def managers_only(context: HookContext) -> None:
    if context.params.provider:
        own = Params(tenant=context.params["tenant"], restrict=context.params["restrict"])
        conversation = await context.service.get(context.id, own)
        if conversation["kind"] == "direct":
            raise BadRequest("A direct conversation has no name or description of its own")
        await require_place(context, conversation["_id"], *MANAGERS)


async def add_own_view(context: HookContext) -> None:
    """What the caller has read of each conversation, and how many messages are new (100 at most)."""
    user = context.params.user
    if not context.params.provider or user is None or context.result is UNSET:
        return
    if context.method == "create" and context.event is not None:
        return  # everybody is told of a new conversation, and nothing in it is read yet
    items = [item for item in records_of(context.result) if "_id" in item]
    places: list[dict[str, Any]] = await context.app.service("members").find(
        Params(
            query={"userId": user["_id"], "conversationId": {"$in": [item["_id"] for item in items]}},
            paginate=False,
        )
    )
    cursors = {place["conversationId"]: place for place in places}
    for item in items:
        place = cursors.get(item["_id"])
        if place is not None:
            item["readSeq"], item["deliveredSeq"] = place["readSeq"], place["deliveredSeq"]
            item["unread"] = await _unread(item, place, user["_id"])


async def _unread(conversation: dict[str, Any], place: dict[str, Any], user_id: Any) -> int:
    if conversation.get("clock", place["readSeq"] + 1) <= place["readSeq"]:
        return 0
    return await Message.documents().count_documents(
        {
            "conversationId": place["conversationId"],
            "seq": {"$gt": place["readSeq"]},
            "senderId": {"$ne": user_id},
            "deletedAt": None,
        },
        limit=UNREAD_SHOWN,
    )


async def _check_class(context: HookContext) -> None:
    data, user = context.data, context.params.user
    if "classId" not in data:
        raise invalid("classId", "Missing data for required field.")
    if not context.params.provider or user is None:
        return
    try:
        await context.app.service("classes").get(data["classId"], Params(tenant=context.params["tenant"]))
    except NotFound:
        raise invalid("classId", "no such class") from None
    if user["role"] != "admin":
        query = {"classId": data["classId"], "userId": user["_id"], "$limit": 1}
        teaches = await context.app.service("class-teachers").find(Params(query=query, paginate=False))
        if not teaches:
            raise Forbidden("Only a teacher of the class or admin may create its conversation")


async def _with_people_of_class(context: HookContext, others: list[Any]) -> list[Any]:
    """Who teaches the class or is enrolled in it is a member, named or not."""
    data = context.data
    query = {"classId": data["classId"], "$select": ["userId"]}
    for path in PLACES.values():
        places = await context.app.service(path).find(Params(query=query, paginate=False))
        others = [*others, *(place["userId"] for place in places)]
    return [one for one in dict.fromkeys(others) if one != data["createdBy"]]


async def _check_room(context: HookContext, count: int) -> None:
    school = await context.app.service("schools").get(context.params["tenant"])
    limit = school["settings"]["maxGroupMembers"]
    if context.data["kind"] != "class" and count > limit:
        raise invalid("memberIds", f"a conversation has at most {limit} members")


HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(ConversationQuery())],
        "find": [only_own("_id")],
        "get": [only_own("_id")],
        "create": [validate_data(ConversationData()), by_caller, kinds_by_role, check_shape, answer_existing],
        "patch": [only_own("_id"), validate_data(ConversationPatch(), partial=True), managers_only],
    },
    "after": {"find": [add_own_view], "get": [add_own_view], "create": [add_own_view]},
    "error": {"create": [answer_existing, add_own_view]},
}
