#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every route of the contract that reads much, or writes where much stands, once cold and
then three times: one JSON line each, so that what is slow only because the database is
large shows. usage: bench_routes.py NAME PORT CERTIFICATES PASSWORD TYPICAL HEAVY"""
import http.client
import json
import ssl
import sys
import time
import uuid

NAME, PORT, KEYS, PASSWORD, TYPICAL, HEAVY = sys.argv[1:]
YEAR = {"from": "2025-04-02", "to": "2026-04-01"}
ALL = {"from": "2024-04-02", "to": "2026-04-01"}


class Client:
    def __init__(self, login):
        context = ssl.create_default_context(cafile=f"{KEYS}/authority.crt")
        context.load_cert_chain(f"{KEYS}/9911000045-terminal.crt",
                                f"{KEYS}/9911000045-terminal.key")
        self.wire = http.client.HTTPSConnection("localhost", int(PORT), context=context,
                                                timeout=120)
        self.headers = {"Origin": f"https://localhost:{PORT}"}
        _, body = self.ask("POST", "/api/v1/session", {"login": login, "password": PASSWORD})
        self.headers["X-CSRF-Token"] = body["csrf"]

    def ask(self, method, path, sent=None):
        headers = dict(self.headers, **{"Idempotency-Key": uuid.uuid4().hex})
        if sent is not None:
            headers["Content-Type"] = "application/json"
        self.wire.request(method, path, json.dumps(sent) if sent is not None else None, headers)
        answer = self.wire.getresponse()
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self.headers["Cookie"] = cookie.split(";")[0]
        body = answer.read()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(body) if body and is_json else body

    def time(self, what, method, path, sent=None, expected=200, times=4):
        took, body = [], None
        for _ in range(times):
            begun = time.perf_counter()
            status, body = self.ask(method, path, sent)
            took.append((time.perf_counter() - begun) * 1000)
            if status != expected:
                sys.exit(f"bench: {what}: {status} {body}")
        print(json.dumps({"bench": "registry", "on": NAME, "what": "route", "route": what,
                          "first_ms": round(took[0], 1), "least_ms": round(min(took), 1)},
                         ensure_ascii=False), flush=True)
        return body


def main():
    client = Client("kawabe")
    typical = open(TYPICAL, encoding="ascii").read().split()
    heavy = open(HEAVY, encoding="ascii").read().split()[0]
    number = None
    client.time("GET /home", "GET", "/api/v1/home")
    client.time("GET /facilities", "GET", "/api/v1/facilities")
    for kind, person in (("typical", typical[-1]), ("heavy", heavy)):
        body = client.time(f"GET /persons/… {kind}", "GET", f"/api/v1/persons/{person}")
        number = next(link["number"] for link in body["links"] if link.get("number"))
        name, birth = body["name"], body["birth_date"]
        client.time(f"GET /persons/…/consents {kind}", "GET", f"/api/v1/persons/{person}/consents")
        path = f"/api/v1/persons/{person}/calendar-openings"
        client.time(f"POST calendar-openings, 2 years {kind}", "POST", path, ALL, 201)
        body = client.time(f"POST calendar-openings, 1 year {kind}", "POST", path, YEAR, 201)
        opening = body["opening"]
        span = f"from={YEAR['from']}&to={YEAR['to']}"
        client.time(f"GET calendar {kind}", "GET", f"/api/v1/openings/{opening}/calendar?{span}")
        for row in ("prescription", "test", "image"):
            body = client.time(f"GET entries {row} {kind}", "GET",
                               f"/api/v1/openings/{opening}/entries?row={row}&{span}")
        entry = body["entries"][len(body["entries"]) // 2]["id"]
        client.time(f"POST entries/…/openings {kind}", "POST", f"/api/v1/entries/{entry}/openings",
                    {}, 201)
    search = "/api/v1/persons/searches"
    client.time("search: own number", "POST", search, {"own_number": number}, times=2)
    client.time("search: name and birth date", "POST", search,
                {"name": name, "birth_date": birth}, times=2)
    client.time("search: name and a kana of another", "POST", search,
                {"name": name, "kana": "サトウ ハナコ"}, times=2)
    client.time("search: kana and birth date", "POST", search,
                {"kana": "ワダ キヨシ", "birth_date": "1950-01-01"}, times=2)
    client.time("search: birth date and phone", "POST", search,
                {"birth_date": "1950-01-01", "phone": "000-001-0001"}, times=2)
    client.time("search: name and phone", "POST", search,
                {"name": name, "phone": "000-001-0001"}, times=2)
    month = time.strftime("%Y-%m")
    client.time("GET /references", "GET", f"/api/v1/references?month={month}")
    client.time("GET /references of a person", "GET",
                f"/api/v1/references?month={month}&person={heavy}")
    client.time("GET /references.csv", "GET", f"/api/v1/references.csv?month={month}")
    client.time("GET /openapi.json", "GET", "/api/v1/openapi.json")


main()
