#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a gateway and the centre hold in memory during a day: the demo's region with its
processes as they run, the day played faster. An hour of it: new and cancelled results,
calendars, contents and documents that are read, two numbers that become one, and a tunnel
that is cut. One JSON line an hour, then one for each process; flat means that the last
quarter of the day is at most 5 % above the second.
usage: bench_memory.py PROGRAM FOLDER PEOPLE [SECONDS]
SECONDS of this world for an hour of the day, 10 when left out. FOLDER is made anew."""
import datetime
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time

import bench_arrival as arrival

PROGRAM, FOLDER = sys.argv[1:3]
SECONDS = float(sys.argv[4]) if len(sys.argv) > 4 else 10
HOURS = int(os.environ.get("HOURS", "24"))  # in fours; more than a day shows what creeps
RESULTS = 60  # of an hour, for linked patients
CANCELS = 10
HOURS_OF_A_MERGE = 3
HOURS_OF_A_CUT = 4
OPENINGS = 40
CONTENTS_EACH = 4
NOT_FOR_ALL = (403, 404)
AWAY = (403, 404, 410, 503)  # the tunnel was just cut, or what was listed is cancelled
READERS = 4
YEAR = {"from": str(arrival.LAST - datetime.timedelta(days=365)), "to": str(arrival.LAST)}


class Relay(threading.Thread):
    """Between a gateway and the centre, so that its tunnel can be cut."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.to, self.open = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            pair = self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.to))
            self.open.append(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self.pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def pass_on(source, sink):
        try:
            while (data := source.recv(65536)):
                sink.sendall(data)
        except OSError:
            pass  # the other direction cut it
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        pairs, self.open = self.open, []
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Day(arrival.Region):
    """The demo's region, its processes started here."""

    def start(self):
        self.processes = {}
        said = self.run("centre", "server", "config/centre.json", subprocess.PIPE)
        ports = json.loads(said.readline())
        self.port, self.relay = ports["port"], Relay(ports["gateway_port"])
        for one in sorted(os.listdir(f"{FOLDER}/config")):
            if one[:1].isdigit():
                path = f"{FOLDER}/config/{one}"
                words = json.load(open(path, encoding="utf-8"))
                words["centre"]["port"] = self.relay.port
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(words, file)
                self.run(one.split(".")[0], "gateway", f"config/{one}", subprocess.DEVNULL)

    def run(self, name, command, config, out):
        with open(f"{FOLDER}/log/{name}.memory", "wb") as log:
            process = subprocess.Popen([PROGRAM, command, "--config", f"{FOLDER}/{config}"],
                                       stdout=out, stderr=log)
        self.processes[name] = process
        return process.stdout

    def stop(self):
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            process.wait()

    def memory(self, name):
        """All that is resident, and what of it is no mapped file's, in MB."""
        with open(f"/proc/{self.processes[name].pid}/status", encoding="ascii") as file:
            words = dict(line.split(":", 1) for line in file)
        return [round(int(words[key].split()[0]) / 1024, 1) for key in ("VmRSS", "RssAnon")]


class Hospital:
    """What its departments write into the storage."""

    def __init__(self, day):
        self.day, self.dice = day, random.Random(1)
        known = arrival.patients(day)
        self.models = [arrival.Model(day, number) for _, number, *_ in known[:20]
                       if self.has_results(number)]
        self.written, self.count = [], 0
        linked = {number for _, number, *_ in known}
        self.others = [number for number in self.numbers() if number not in linked]

    def numbers(self):
        for first in sorted(os.listdir(self.day.storage)):
            for second in sorted(os.listdir(f"{self.day.storage}/{first}")):
                yield from sorted(os.listdir(f"{self.day.storage}/{first}/{second}"))

    def folder(self, number):
        return f"{self.day.storage}/{number[:3]}/{number[3:6]}/{number}"

    def has_results(self, number):
        return any(folder.endswith("OML-11") for folder, *_ in os.walk(self.folder(number)))

    def result(self):
        model, self.count = self.dice.choice(self.models), self.count + 1
        date = arrival.LAST - datetime.timedelta(days=self.dice.randrange(3))
        order = f"88{self.count:013d}"
        model.write(order, date)
        text = date.strftime("%Y%m%d")
        name = model.name.replace(model.day, text).replace(model.order, order)
        self.written.append(f"{model.folder}/{text}/OML-11/{name}")

    def cancel(self):
        path = self.written.pop(self.dice.randrange(len(self.written)))
        os.rename(path, path[:-1] + "0")  # the condition flag

    def merge(self):
        """Two numbers that nobody has linked become one."""
        old, new = self.others.pop(), self.others.pop()
        folder = f"{self.folder(new)}/-/ADT-00"
        name = sorted(os.listdir(folder))[0]
        lines = open(f"{folder}/{name}", "rb").read().replace(b"ADT^A08", b"ADT^A40").split(b"\r")
        at = next(i for i, line in enumerate(lines) if line.startswith(b"PID|"))
        lines.insert(at + 1, b"MRG|" + old.encode() + b"^^^^PI")
        parts = name.split("_")
        parts[4] = time.strftime("%Y%m%d%H%M%S") + "000"
        with open(f"{folder}/{'_'.join(parts)}", "wb") as file:
            file.write(b"\r".join(lines[:at + 2]) + b"\r")


class Reader:
    def __init__(self, day, login):
        self.client = arrival.Client(day, login)
        self.stream = arrival.Stream(self.client)
        self.dice = random.Random(login)

    def look(self, people):
        """A year of somebody, and some of it as structured content."""
        person, read = self.dice.choice(people), 0
        body = self.client.ask("POST", f"/persons/{person}/calendar-openings", YEAR, 201,
                               NOT_FOR_ALL)
        entries = [entry for entry in body["marks"]["entry"] if entry] if body else []
        for entry in self.dice.sample(entries, min(CONTENTS_EACH, len(entries))):
            opening = self.client.ask("POST", f"/entries/{entry}/openings", None, 201, AWAY)
            if not opening:
                continue
            handle = f"/openings/{opening['opening']}"
            if self.client.ask("GET", handle + "/content", refused=AWAY):
                read += 1
            self.client.ask("DELETE", handle, expected=204)
        if body:
            self.client.ask("DELETE", f"/openings/{body['opening']}", expected=204)
        return read


def play_hour(day, hospital, readers, people, hour):
    """Evenly over the hour; what ends a tunnel or a number comes at its beginning."""
    if hour % HOURS_OF_A_CUT == 0:
        day.relay.cut()
    if hour % HOURS_OF_A_MERGE == 0 and len(hospital.others) > 1:
        hospital.merge()
    until = time.monotonic() + SECONDS
    begun, read = time.monotonic(), 0
    for i in range(OPENINGS):
        for _ in range(RESULTS // OPENINGS + (i < RESULTS % OPENINGS)):
            hospital.result()
        if i % (OPENINGS // CANCELS) == 0:
            hospital.cancel()
        wait = begun + SECONDS * (i + 1) / OPENINGS - time.monotonic()
        if wait > 0:
            time.sleep(wait)  # the day's own pace
        read += readers[i % len(readers)].look(people)
    gateway, centre = day.memory(arrival.HOSPITAL), day.memory("centre")
    print(json.dumps({"bench": "memory", "hour": hour, "behind_s":
                      round(max(0, time.monotonic() - until), 1), "contents": read,
                      "gateway_mb": gateway[0], "gateway_anonymous_mb": gateway[1],
                      "server_mb": centre[0], "server_anonymous_mb": centre[1]}), flush=True)
    return gateway[0], centre[0]


def tell(what, limit, hours):
    quarter = len(hours) // 4
    second = sum(hours[quarter:2 * quarter]) / quarter
    last = sum(hours[-quarter:]) / quarter
    print(json.dumps({"bench": "memory", "what": what, "second_quarter_mb": round(second, 1),
                      "last_quarter_mb": round(last, 1), "largest_mb": max(hours),
                      "aim_mb": limit, "is_flat": last <= 1.05 * second}), flush=True)


def main():
    day = Day()
    day.start()
    try:
        day.rest()
        hospital = Hospital(day)
        doctors = [one["login"] for one in day.words["staff"]
                   if len(one["posts"]) == 1 and one["posts"][0]["profession"] == "doctor"]
        readers = [Reader(day, login) for login in doctors[:READERS]]
        people = [person for person, *_ in arrival.patients(day)]
        hours = [play_hour(day, hospital, readers, people, hour) for hour in range(1, HOURS + 1)]
    finally:
        day.stop()
    tell("gateway", 40, [gateway for gateway, _ in hours])
    tell("server", 80, [centre for _, centre in hours])
    shutil.rmtree(FOLDER)


main()
