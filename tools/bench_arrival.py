#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long a new result takes, with the programs of the demo as they run: a file is closed
in a hospital's storage -> its row stands in the registry -> the open calendar's stream
tells of it. And: a link is confirmed -> the last twelve weeks, then everything, can be
read; for a typical patient and for one with 15,000 entries. One JSON line per answer.
usage: bench_arrival.py PROGRAM FOLDER PEOPLE [FILES]
FOLDER is made anew; the region's last day is today."""
import datetime
import http.client
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import uuid

PROGRAM, FOLDER, PEOPLE = sys.argv[1:4]
FILES = int(sys.argv[4]) if len(sys.argv) > 4 else 200
HOSPITAL, ITS_DOCTOR, CLINIC_DOCTOR = "9911000011", "fujishiro", "kawabe"
HEAVY_FILES = 15000
RELINKS = 5
PATIENCE_S = 600
LAST = datetime.date.today()
TWELVE_WEEKS = {"from": str(LAST - datetime.timedelta(days=83)), "to": str(LAST)}


def fail(why):
    sys.exit(f"bench: {why}")


def share(times, part):
    return round(sorted(times)[min(len(times) - 1, int(len(times) * part))] * 1000, 1)


# ---- the region ----

class Region:
    def __init__(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        words = ["demo", "--port", "0", "--dir", FOLDER, "--people", PEOPLE]
        with open(f"{FOLDER}.log", "wb") as log:
            if subprocess.run([PROGRAM, *words, "--once"], stdout=log, stderr=log).returncode:
                fail("the demo does not start")
        self.words = json.load(open(f"{FOLDER}/region.json", encoding="utf-8"))
        self.storage = f"{FOLDER}/storage/{HOSPITAL}"
        self.started = [PROGRAM, *words]

    def start(self):
        self.process = subprocess.Popen(self.started, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            found = re.search(r"http://localhost:(\d+)", line)
            if found:
                self.port = int(found[1])
            if "Ctrl-C" in line:
                return
        fail("the demo ended")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def database(self):
        return sqlite3.connect(f"file:{FOLDER}/centre/centre.db?mode=ro", uri=True)

    def wait_for(self, what, is_so, pause_s=0.05):
        until = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > until:
                fail(f"waited in vain: {what}")
            time.sleep(pause_s)

    def rest(self):
        """All links of the hospital are in step, and for five seconds nothing came."""
        seen = [None, time.monotonic()]

        def is_quiet():
            with self.database() as database:
                now = database.execute("SELECT last FROM registry_change").fetchone()
            if now != seen[0]:
                seen[:] = [now, time.monotonic()]
            return time.monotonic() - seen[1] > 5
        self.wait_for("rest", is_quiet, 0.5)


class Client:
    def __init__(self, region, login):
        self.region = region
        self.headers = {"Origin": f"http://localhost:{region.port}"}
        self.wire = http.client.HTTPConnection("localhost", region.port, timeout=PATIENCE_S)
        staff = next(one for one in region.words["staff"] if one["login"] == login)
        body = self.ask("POST", "/session", {"login": login, "password": staff["password"]}, 200)
        self.headers["X-CSRF-Token"] = body["csrf"]

    def ask(self, method, path, sent=None, expected=200, refused=()):
        """The body; None when it is one of the refusals that may be."""
        headers = dict(self.headers, **{"Idempotency-Key": uuid.uuid4().hex})
        if sent is not None:
            headers["Content-Type"] = "application/json"
        self.wire.close()  # the server would, when nothing was asked for a while
        self.wire.request(method, "/api/v1" + path,
                          json.dumps(sent) if sent is not None else None, headers)
        answer = self.wire.getresponse()
        if answer.getheader("Set-Cookie"):
            self.headers["Cookie"] = answer.getheader("Set-Cookie").split(";")[0]
        body = answer.read()
        if answer.status in refused:
            return None
        if answer.status != expected:
            fail(f"{method} {path}: {answer.status} {body[:300]}")
        return json.loads(body) if body else None


# ---- files ----

def patients(region):
    """Whom the clinic and the hospital both know: person, hospital's number, record."""
    with region.database() as database:
        return database.execute(
            "SELECT r.person, r.number, x.number, (SELECT count(*) FROM registry_entry e WHERE "
            "e.record = x.number AND e.state <> 100) AS entries, p.birth_day FROM record r "
            "JOIN facility f ON f.id = r.facility JOIN registry_record x ON x.record = r.id "
            "JOIN record own ON own.person = r.person AND own.state = 'confirmed' "
            "JOIN facility c ON c.id = own.facility AND c.code = ? JOIN person p ON p.id = r.person "
            "WHERE f.code = ? AND r.state = 'confirmed' ORDER BY entries DESC",
            ("9911000045", HOSPITAL)).fetchall()


class Model:
    """A laboratory result that the patient has, to be sent again under other numbers."""

    def __init__(self, region, number):
        self.folder = f"{region.storage}/{number[:3]}/{number[3:6]}/{number}"
        for folder, _, names in sorted(os.walk(self.folder)):
            if folder.endswith("OML-11") and names:
                self.name = sorted(names)[0]
                self.bytes = open(f"{folder}/{self.name}", "rb").read()
        _, self.day, _, self.order, *_ = self.name.split("_")

    def write(self, order, day):
        """Returns the time at which the file was closed."""
        day_text = day.strftime("%Y%m%d")
        folder = f"{self.folder}/{day_text}/OML-11"
        os.makedirs(folder, exist_ok=True)
        name = self.name.replace(self.day, day_text).replace(self.order, order)
        content = self.bytes.replace(self.day.encode(), day_text.encode())
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content.replace(self.order.encode(), order.encode()))
        return time.monotonic()


# ---- a new result ----

class Stream(threading.Thread):
    """What the browser hears of the session, and when."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.heard = []
        self.wire = http.client.HTTPConnection("localhost", client.region.port, timeout=600)
        self.wire.request("GET", "/api/v1/live", headers={
            "Origin": client.headers["Origin"], "Cookie": client.headers["Cookie"]})
        self.answer = self.wire.getresponse()
        self.start()

    def run(self):
        event = ""
        try:
            for line in self.answer:
                if line.startswith(b"event:"):
                    event = line[6:].strip().decode()
                if line.startswith(b"data:") and event == "entry":
                    self.heard.append(time.monotonic())
        except OSError:
            pass  # the region ended


def new_results(region, client):
    person, number, record, *_ = patients(region)[0]
    model, dice = Model(region, number), random.Random(1)
    client.ask("POST", f"/persons/{person}/calendar-openings", TWELVE_WEEKS, 201)
    stream = Stream(client)
    rows, marks = [], []
    database = region.database()
    day_number = (LAST - datetime.date(1970, 1, 1)).days
    for i in range(FILES):
        order = f"88{i:013d}"
        heard = len(stream.heard)
        closed = model.write(order, LAST)
        region.wait_for("a row", lambda: database.execute(
            "SELECT 1 FROM registry_entry WHERE record = ? AND day = ? AND order_number = ?",
            (record, day_number, order)).fetchone(), 0.002)
        rows.append(time.monotonic() - closed)
        region.wait_for("a mark", lambda: len(stream.heard) > heard, 0.002)
        marks.append(stream.heard[heard] - closed)
        time.sleep(dice.uniform(0.02, 0.5))  # at any moment of whatever has a rhythm
    database.close()
    for what, times in (("file closed to row", rows), ("file closed to mark", marks)):
        print(json.dumps({"bench": "arrival", "what": what, "files": len(times),
                          "p50_ms": share(times, 0.5), "p95_ms": share(times, 0.95),
                          "max_ms": share(times, 1)}), flush=True)


# ---- a new link ----

def count_marks(client, person):
    """Entries of the hospital in the last twelve weeks, as the calendar counts them."""
    body = client.ask("POST", f"/persons/{person}/calendar-openings", TWELVE_WEEKS, 201)
    client.ask("DELETE", f"/openings/{body['opening']}", expected=204)
    places = [i for i, one in enumerate(body["facilities"]) if one["code"] == HOSPITAL]
    marks = body["marks"]
    return sum(count for count, place in zip(marks["count"], marks["facility"])
               if place in places)


def count_rows(region, person):
    with region.database() as database:
        return database.execute(
            "SELECT count(*) FROM registry_entry e JOIN registry_record x ON x.number = e.record "
            "JOIN record r ON r.id = x.record JOIN facility f ON f.id = r.facility "
            "WHERE r.person = ? AND f.code = ? AND r.state = 'confirmed' AND e.state <> 100",
            (person, HOSPITAL)).fetchone()[0]


def new_links(region, client, what, patient):
    person, number, _, _, birth_day = patient
    hospital = Client(region, ITS_DOCTOR)
    marks, rows = count_marks(client, person), count_rows(region, person)
    weeks, all_of_it = [], []
    with region.database() as database:
        place = database.execute("SELECT id FROM facility WHERE code = ?",
                                 (HOSPITAL,)).fetchone()[0]
    for _ in range(RELINKS):
        links = client.ask("GET", f"/persons/{person}")["links"]
        link = next(one for one in links if one["facility"] == place and
                    one["state"] == "confirmed")
        hospital.ask("DELETE", f"/links/{link['id']}", expected=204)
        region.wait_for("nothing left", lambda: count_marks(client, person) == 0)
        begun = time.monotonic()
        birth = datetime.date(1970, 1, 1) + datetime.timedelta(days=birth_day)
        client.ask("POST", f"/persons/{person}/links", {
            "facility": place, "number": number, "birth_date": str(birth)}, 201)
        region.wait_for("twelve weeks", lambda: count_marks(client, person) >= marks)
        weeks.append(time.monotonic() - begun)
        region.wait_for("all of it", lambda: count_rows(region, person) >= rows)
        all_of_it.append(time.monotonic() - begun)
    print(json.dumps({"bench": "arrival", "what": f"link to calendar, {what}", "entries": rows,
                      "entries_of_12_weeks": marks, "12_weeks_p50_ms": share(weeks, 0.5),
                      "12_weeks_max_ms": share(weeks, 1), "all_p50_ms": share(all_of_it, 0.5),
                      "all_max_ms": share(all_of_it, 1)}), flush=True)


def main():
    region = Region()
    known = patients(region)
    heavy, typical = known[0], min(known[1:], key=lambda one: abs(one[3] - 500))
    model = Model(region, heavy[1])
    for i in range(HEAVY_FILES):
        model.write(f"77{i:013d}", LAST - datetime.timedelta(days=i % 365))
    region.start()
    try:
        region.wait_for("the long history", lambda: count_rows(region, heavy[0]) > HEAVY_FILES, 1)
        region.rest()
        client = Client(region, CLINIC_DOCTOR)
        new_results(region, client)
        new_links(region, client, "typical", typical)
        new_links(region, client, "15,000 entries", heavy)
    finally:
        region.stop()
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
