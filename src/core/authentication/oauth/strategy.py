"""The entity of somebody whom a provider vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...context import Params
from ...errors import Conflict, FeathersError, NotAuthenticated
from ..strategy import Strategy
from .options import OauthOptions
from .redirects import allowed_origin, answer_location

Entity = dict[str, Any]
Profile = Mapping[str, Any]


class OauthStrategy(Strategy):
    """Takes ``{"strategy": name, "profile", ...what the provider answered with the access token}``.

    It believes the profile, and therefore own code only: a call that says in ``params.auth_strategies``
    that it means this strategy. All but ``authenticate`` is to be overridden.
    """

    def __init__(self, options: OauthOptions) -> None:
        self.oauth = options

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        if params.provider is not None or self.name not in params.get("auth_strategies", ()):
            raise NotAuthenticated(f"'{self.name}' logs in by way of its provider only")
        profile = await self.get_profile(data, params)
        found = await self.find_entity(profile, params) or await self.get_current_entity(params)
        if found is None:
            entity = await self.create_entity(profile, params)
        else:
            entity = await self.update_entity(found, profile, params)
        name, entities = self.authentication.options.entity, self.authentication.entities
        # Not every entity that exists may log in, a new one included.
        accepted = await entities.load(entities.id_of(entity))
        if accepted is None:
            raise NotAuthenticated(f"The {name} may not log in")
        return {"authentication": {"strategy": self.name}, name: accepted}

    async def get_profile(self, data: Mapping[str, Any], params: Params) -> Profile:
        profile: Profile = data["profile"]
        return profile

    async def get_entity_query(self, profile: Profile, params: Params) -> dict[str, Any]:
        return {f"{self.name}Id": _subject(profile)}

    async def get_entity_data(
        self, profile: Profile, existing: Mapping[str, Any] | None, params: Params
    ) -> dict[str, Any]:
        """What is stored of a profile, in a new entity if none is ``existing``."""
        return {f"{self.name}Id": _subject(profile)}

    async def find_entity(self, profile: Profile, params: Params) -> Entity | None:
        """The entity of the profile, whether it may log in or not. Raises NotAuthenticated for several."""
        query = {**await self.get_entity_query(profile, params), "$limit": 2}
        found = await self.authentication.entities.known(query)
        if len(found) > 1:
            raise NotAuthenticated(f"This account is linked to more than one {self._entity_name}")
        return found[0] if found else None

    async def get_current_entity(self, params: Params) -> Entity | None:
        """Who is logged in already, and links the account. Raises NotAuthenticated for a bad token."""
        if params.authentication is None:
            return None
        result = await self.authentication.authenticate(params.authentication, params, "jwt")
        entity: Entity = result[self._entity_name]
        return entity

    async def create_entity(self, profile: Profile, params: Params) -> Entity:
        data = await self.get_entity_data(profile, None, params)
        try:
            created: Entity = await self.authentication.entities.service.create(data, Params())
        except Conflict:
            # The same person logs in twice at once for the first time; or a field is another's.
            found = await self.find_entity(profile, params)
            if found is None:
                raise
            return found
        return created

    async def update_entity(self, entity: Entity, profile: Profile, params: Params) -> Entity:
        """Only what differs is stored: most logins change nothing, and nobody is told."""
        data = await self.get_entity_data(profile, entity, params)
        changes = {name: value for name, value in data.items() if name not in entity or entity[name] != value}
        if not changes:
            return entity
        entities = self.authentication.entities
        updated: Entity = await entities.service.patch(entity[entities.id_field], changes, Params())
        return updated

    async def get_allowed_origin(self, params: Params) -> str:
        """Where a login that begins with these ``headers`` will end. Raises NotAuthenticated."""
        if not self.oauth.origins:
            return self.oauth.redirect
        referer = params.headers.get("referer", "")
        origin = allowed_origin(referer, self.oauth.origins)
        if origin is None:
            raise NotAuthenticated(f'Referer "{referer}" is not allowed.')
        return origin

    async def get_redirect(self, outcome: Mapping[str, Any] | FeathersError, params: Params) -> str:
        """Where the browser goes in the end: ``params`` has ``origin`` and the path ``redirect``."""
        if isinstance(outcome, FeathersError):
            answer = {"error": outcome.message}
        else:
            answer = {"access_token": outcome["accessToken"]}
            if self.oauth.refresh_token and "refreshToken" in outcome:
                answer["refresh_token"] = outcome["refreshToken"]
        return answer_location(params["origin"], params["redirect"], answer)

    @property
    def _entity_name(self) -> str:
        return self.authentication.options.entity


def _subject(profile: Profile) -> str | int:
    """Raises NotAuthenticated for a profile of nobody; an object would be operators of a query."""
    subject: object = profile.get("sub") or profile.get("id")
    if not isinstance(subject, str | int) or isinstance(subject, bool) or not subject:
        raise NotAuthenticated("The provider does not say who this is")
    return subject
