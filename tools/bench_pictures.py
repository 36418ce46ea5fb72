#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hospital's pictures as a clinic sees them, with the programs of the demo as they run
(centre, gateway, drawing processes, TLS tunnel), and peers over the same files in the same
run. One JSON line per answer:
  frames    512 x 512 CT slices, windowed, as JPEG of quality 90 over HTTP, in every
            encoding; each request has a window of its own, so that nothing kept is
            answered; beside it Orthanc (/instances/{id}/frames/0/rendered), which reads the file
            for each answer as ours does, and with the files in its memory, as it comes
  download  a study of 500 MB as a ZIP and file by file over TLS; beside it nginx with the
            same bytes and the same certificate; both again over a line of 1 Gbit/s between
            browser and servers, as root and with iproute2
  first     the study's list and its first frame over a link of 20 ms each way and back
usage: bench_pictures.py PROGRAM FETCH FOLDER [frames|download|first ...]
FETCH is bench_fetch; FOLDER is made anew."""
import array
import ctypes
import http.client
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import threading
import time
import uuid

PROGRAM, FETCH, FOLDER = sys.argv[1:4]
PARTS = sys.argv[4:] or ["frames", "download", "first"]
HOSPITAL, CLINIC, CLINIC_DOCTOR = "9911000011", "9911000045", "kawabe"
FRAMES, RUNS, AT_ONCE = 100, 3, 4
# A viewer asks for four frames at once; eight are two viewers.
VIEWERS = (1, 2)
# How often each frame is drawn in a run, so that a run takes a second.
ROUNDS = {"native": 10, "JPEG lossless": 5, "RLE": 7, "JPEG baseline": 7, "JPEG-LS": 2,
          "JPEG 2000": 1}
DOWNLOAD_FILES = 954  # of 524 kB
SCROLLED = 600
LINK_MS = 20  # there and back
LINE = "1gbit"
CLONE_NEWNET = 0x40000000
PATIENCE_S = 300
SIDE = 512
ENCODERS = {"native": None,
            "JPEG lossless": ["dcmcjpeg", "+e1"],
            "RLE": ["dcmcrle"],
            "JPEG baseline": ["dcmcjpeg", "+eb", "+q", "90"],
            "JPEG-LS": ["dcmcjpls"],
            "JPEG 2000": ["gdcmconv", "--j2k"]}
REFUSED_BY_ORTHANC = ("JPEG 2000",)


def fail(why):
    sys.exit(f"bench: {why}")


def show(part, what, **values):
    print(json.dumps({"bench": f"pictures, {part}", "what": what, **values}), flush=True)


def wait_for(what, is_so, pause_s=0.1):
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until:
            fail(f"waited in vain: {what}")
        time.sleep(pause_s)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def is_listening(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


# ---- instances ----

def element(tag, vr, value):
    if isinstance(value, str):
        value = value.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OB", "OW"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def phantom(bits):
    """A body of three tissues with a scanner's noise."""
    dice = random.Random(7)
    values = array.array("h" if bits == 16 else "B")
    for y in range(SIDE):
        for x in range(SIDE):
            from_middle = ((x - 256) / 200) ** 2 + ((y - 256) / 160) ** 2
            organ = ((x - 200) / 60) ** 2 + ((y - 240) / 50) ** 2
            level = -1000 if from_middle > 1 else 60 if organ < 1 else 40 * (y // 64 % 2)
            level += int(dice.gauss(0, 12))
            values.append(level if bits == 16 else max(0, min(255, (level + 160) * 255 // 400)))
    return values.tobytes()


class Slices:
    """Instances of one study: each has its rows moved on by one more."""

    def __init__(self, number, study, bits=16):
        self.number, self.study, self.bits = number, f"2.25.77{study}", bits
        self.pixels, self.row = phantom(bits), SIDE * bits // 8

    def write(self, path, i):
        short = lambda tag, value: element(tag, "US", struct.pack("<H", value))
        cut = i % SIDE * self.row
        body = [
            element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
            element(0x00080018, "UI", f"{self.study}.1.{i + 1}"),
            element(0x00080020, "DA", time.strftime("%Y%m%d")),
            element(0x00080030, "TM", "101500"), element(0x00080060, "CS", "CT"),
            element(0x00081030, "LO", "BENCH"), element(0x00100020, "LO", self.number),
            element(0x0020000D, "UI", self.study), element(0x0020000E, "UI", self.study + ".1"),
            element(0x00200011, "IS", "1"), element(0x00200013, "IS", str(i + 1)),
            short(0x00280002, 1), element(0x00280004, "CS", "MONOCHROME2"),
            short(0x00280010, SIDE), short(0x00280011, SIDE), short(0x00280100, self.bits),
            short(0x00280101, self.bits), short(0x00280102, self.bits - 1),
            short(0x00280103, int(self.bits == 16)),
            element(0x00281050, "DS", "40" if self.bits == 16 else "128"),
            element(0x00281051, "DS", "400" if self.bits == 16 else "256"),
            element(0x7FE00010, "OW" if self.bits == 16 else "OB",
                    self.pixels[cut:] + self.pixels[:cut])]
        meta = b"".join([
            element(0x00020001, "OB", b"\0\1"),
            element(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2"),
            element(0x00020003, "UI", f"{self.study}.1.{i + 1}"),
            element(0x00020010, "UI", "1.2.840.10008.1.2.1"),
            element(0x00020012, "UI", "2.25.7")])
        with open(path, "wb") as file:
            file.write(bytes(128) + b"DICM" +
                       element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta +
                       b"".join(body))


def make_study(folder, number, study, name, count):
    encoder = ENCODERS[name]
    slices = Slices(number, study, 8 if name == "JPEG baseline" else 16)
    making = f"{FOLDER}/making"  # the archive sees no file that will go again
    os.makedirs(making)
    for i in range(count):
        path = f"{making}/{i:05d}.dcm"
        slices.write(path + ".new" if encoder else path, i)
        if encoder:
            done = subprocess.run([*encoder, path + ".new", path], capture_output=True,
                                  check=False)
            if done.returncode or not os.path.exists(path):
                fail(f"{encoder[0]}: {done.stderr[:200]}")
            os.unlink(path + ".new")
    os.rename(making, folder)
    return slices.study


# ---- the region ----

class Region:
    def __init__(self):
        self.folder = os.path.abspath(f"{FOLDER}/region")
        words = ["demo", "--port", "0", "--dir", self.folder, "--people", "28"]
        with open(f"{FOLDER}/region.log", "wb") as log:
            if subprocess.run([PROGRAM, *words, "--once"], stdout=log, stderr=log,
                              check=False).returncode:
                fail("the demo does not start")
        self.words = json.load(open(f"{self.folder}/region.json", encoding="utf-8"))
        self.pictures = f"{self.folder}/images/{HOSPITAL}"
        self.started = [PROGRAM, *words]
        self.person, self.number = self.find_patient()

    def database(self):
        return sqlite3.connect(f"file:{self.folder}/centre/centre.db?mode=ro", uri=True)

    def find_patient(self):
        with self.database() as database:
            found = database.execute(
                "SELECT r.person, r.number FROM record r JOIN facility f ON f.id = r.facility "
                "JOIN record own ON own.person = r.person AND own.state = 'confirmed' "
                "JOIN facility c ON c.id = own.facility AND c.code = ? "
                "WHERE f.code = ? AND r.state = 'confirmed' ORDER BY r.number LIMIT 1",
                (CLINIC, HOSPITAL)).fetchone()
        return found or fail("no patient whom both know")

    def start(self):
        self.process = subprocess.Popen(self.started, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            found = re.search(r"https?://localhost:(\d+)", line)
            if found:
                self.port = int(found[1])
            if "Ctrl-C" in line:
                return
        fail("the demo ended")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def entry_of(self, study, instances):
        """The centre's id of the study's entry, when the gateway has read all of it."""
        index = f"{self.folder}/gateway/{HOSPITAL}"
        name = next(one for one in os.listdir(index) if one.endswith(".db"))
        found = []

        def is_there():
            with sqlite3.connect(f"file:{index}/{name}?mode=ro", uri=True) as database:
                count = database.execute("SELECT count(*) FROM study_file WHERE study = ?",
                                         (study,)).fetchone()[0]
            if count < instances:
                return False
            with self.database() as database:
                found[:] = database.execute(
                    "SELECT entry FROM registry_entry WHERE source_key = ?",
                    (f"-/DICOM/{study}",)).fetchall()
            return bool(found)
        wait_for("the study", is_there, 0.5)
        return found[0][0]

    def cpu_s(self):
        """Of the centre and the hospital's gateway, with what they started."""
        return sum(cpu_s(pid) for pid in descendants(self.process.pid))

    def memory_mb(self):
        """Of the centre, and of the hospital's gateway with its drawing processes."""
        centre, gateway = 0, 0
        for pid in descendants(self.process.pid):
            line = open(f"/proc/{pid}/cmdline", encoding="utf-8").read().replace("\0", " ")
            if " server " in line or line.startswith("tsumugi server"):
                centre += pss_mb(pid)
            elif HOSPITAL in line:
                gateway += sum(pss_mb(one) for one in [pid, *descendants(pid)])
        return round(centre), round(gateway)


def descendants(pid):
    """Whoever of its threads started them."""
    children = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                children += [int(one) for one in file.read().split()]
    except OSError:
        pass  # it, or a thread of it, ended meanwhile
    return children + [below for one in children for below in descendants(one)]


def cpu_s(pid):
    """With that of children which have ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def pss_mb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return int(re.search(r"^Pss: +(\d+) kB", file.read(), re.M)[1]) / 1024
    except OSError:
        return 0


class Client:
    def __init__(self, region):
        self.region = region
        self.headers = {"Origin": f"http://localhost:{region.port}"}
        staff = next(one for one in region.words["staff"] if one["login"] == CLINIC_DOCTOR)
        body = self.ask("POST", "/session", {"login": CLINIC_DOCTOR,
                                             "password": staff["password"]}, 200)
        self.headers["X-CSRF-Token"] = body["csrf"]

    def ask(self, method, path, sent=None, expected=200, port=None, later=0):
        """The body; None when it is `later`, a status that will go."""
        headers = dict(self.headers, **{"Idempotency-Key": uuid.uuid4().hex,
                                        "Host": f"localhost:{self.region.port}"})
        if sent is not None:
            headers["Content-Type"] = "application/json"
        wire = http.client.HTTPConnection("localhost", port or self.region.port,
                                          timeout=PATIENCE_S)
        wire.request(method, "/api/v1" + path,
                     json.dumps(sent) if sent is not None else None, headers)
        answer = wire.getresponse()
        if answer.getheader("Set-Cookie"):
            self.headers["Cookie"] = answer.getheader("Set-Cookie").split(";")[0]
        body = answer.read()
        wire.close()
        if later and answer.status == later:
            return None
        if answer.status != expected:
            fail(f"{method} {path}: {answer.status} {body[:300]}")
        return json.loads(body) if body else None

    def open_study(self, study, instances):
        entry = self.region.entry_of(study, instances)
        opening = self.ask("POST", f"/entries/{entry}/openings", None, 201)["opening"]
        listed = {}

        def is_listed():  # the gateway may not be back from a start yet
            listed.update(self.ask("GET", f"/openings/{opening}/study", later=503) or {})
            return bool(listed)
        wait_for("the study's list", is_listed)
        if len(listed["series"][0]["instances"]) != instances:
            fail("the study is not whole")
        return opening


def fetch(port, targets, headers, at_once=AT_ONCE):
    with open(f"{FOLDER}/targets", "w", encoding="ascii") as file:
        file.write("\n".join(targets) + "\n")
    with open(f"{FOLDER}/headers", "w", encoding="ascii", newline="") as file:
        file.write("".join(f"{name}: {value}\r\n" for name, value in headers.items()))
    told = json.loads(subprocess.run([FETCH, str(port), str(at_once), f"{FOLDER}/targets",
                                      f"{FOLDER}/headers"], stdout=subprocess.PIPE,
                                     check=True).stdout)
    if told["failed"]:
        fail(f"{told['failed']} of {told['count']} were not answered")
    return told


# ---- frames ----

class Orthanc:
    """On the same disk, without plugins, names or checks; keeps so many MB of files in its
    memory (its default is 128, which is all that is asked for here)."""

    def __init__(self, cache_mb):
        self.port = free_port()
        self.folder = os.path.abspath(f"{FOLDER}/orthanc-{cache_mb}")
        os.makedirs(self.folder)
        with open(f"{self.folder}/settings.json", "w", encoding="ascii") as file:
            json.dump({"Name": "BENCH", "StorageDirectory": self.folder + "/files",
                       "IndexDirectory": self.folder + "/files", "HttpPort": self.port,
                       "DicomServerEnabled": False, "RemoteAccessAllowed": False,
                       "AuthenticationEnabled": False, "Plugins": [], "KeepAlive": True,
                       "MaximumStorageCacheSize": cache_mb,
                       "HttpThreadsCount": 50}, file)
        self.process = subprocess.Popen(["Orthanc", self.folder + "/settings.json"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("Orthanc", lambda: is_listening(self.port))

    def take(self, folder):
        """The ids of what was sent, in the order of the names."""
        ids = []
        for name in sorted(os.listdir(folder)):
            wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            with open(f"{folder}/{name}", "rb") as file:
                wire.request("POST", "/instances", file.read())
            ids.append(json.loads(wire.getresponse().read())["ID"])
            wire.close()
        return ids

    def stop(self):
        self.process.terminate()
        self.process.wait()


def windows():
    """No two are the same, nor as any that were asked for before."""
    number = 0
    while True:
        number += 1
        yield 40 + number / 1000, 400


def rate(runs):
    return statistics.median(one["count"] / one["seconds"] for one in runs[1:])


def cpu_ms(runs):
    return round(statistics.median(one["cpu_s"] / one["count"] for one in runs[1:]) * 1000, 2)


def ask(cpu, port, targets, head, at_once):
    before = cpu()
    told = fetch(port, targets, head, at_once)
    return dict(told, cpu_s=cpu() - before)


def ask_orthanc(orthanc, ids, rounds, window, at_once):
    targets = [f"/instances/{one}/frames/0/rendered?window-center={center:.3f}&"
               f"window-width={width}&quality=90"
               for _ in range(rounds) for one, (center, width) in zip(ids, window)]
    return ask(lambda: cpu_s(orthanc.process.pid), orthanc.port, targets,
               {"Host": "127.0.0.1", "Accept": "image/jpeg"}, at_once)


def measure_frames(region, client, peers, name, study):
    folder = f"{region.pictures}/bench-{study}"
    opening = client.open_study(make_study(folder, region.number, study, name, FRAMES), FRAMES)
    ids = None if name in REFUSED_BY_ORTHANC else [one.take(folder) for one in peers]
    window = windows()
    for viewers in VIEWERS:
        draw_at_once(region, client, opening, list(zip(peers, ids or ())), name, window,
                     viewers * AT_ONCE)


def draw_at_once(region, client, opening, peers, name, window, at_once):
    """Ours and the peers' by turns; `peers`: each with its ids of the frames."""
    ours, theirs, rounds = [], [[] for _ in peers], ROUNDS[name]
    head = {"Host": f"localhost:{region.port}", "Cookie": client.headers["Cookie"]}
    for _ in range(RUNS + 1):  # the first warms all
        targets = [f"/api/v1/openings/{opening}/frames/0/{i}/0?q=preview&window="
                   f"{center:.3f},{width}"
                   for _ in range(rounds) for i, (center, width) in zip(range(FRAMES), window)]
        ours.append(ask(region.cpu_s, region.port, targets, head, at_once))
        for told, (orthanc, ids) in zip(theirs, peers):
            told.append(ask_orthanc(orthanc, ids, rounds, window, at_once))
    centre_mb, gateway_mb = region.memory_mb()
    values = {"frames_per_second": round(rate(ours)), "cpu_ms": cpu_ms(ours), "p50_ms": ours[-1]["p50_ms"],
              "kb": round(ours[-1]["bytes"] / ours[-1]["count"] / 1000),
              "centre_mb": centre_mb, "gateway_mb": gateway_mb}
    for place, (told, (orthanc, _)) in enumerate(zip(theirs, peers)):
        values.update({key + ("", "_with_cache")[place]: value for key, value in (
            ("orthanc", round(rate(told))),
            ("orthanc_cpu_ms", cpu_ms(told)),
            ("ratio", round(rate(ours) / rate(told), 2)),
            ("orthanc_kb", round(told[-1]["bytes"] / told[-1]["count"] / 1000)),
            ("orthanc_mb", round(pss_mb(orthanc.process.pid))))})
    show("frames", name, at_once=at_once, runs=RUNS, **values)


def frames(region):
    client, peers = Client(region), [Orthanc(0), Orthanc(128)]
    try:
        for study, name in enumerate(ENCODERS):
            measure_frames(region, client, peers, name, 100 + study)
    finally:
        for one in peers:
            one.stop()


# ---- download ----

class Nginx:
    def __init__(self, root, keys):
        self.port, self.folder = free_port(), os.path.abspath(f"{FOLDER}/nginx")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        with open(f"{self.folder}/nginx.conf", "w", encoding="ascii") as file:
            file.write(f"""worker_processes 2; daemon off; pid {self.folder}/pid;
error_log {self.folder}/error.log; events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
 client_body_temp_path {self.folder}/1; proxy_temp_path {self.folder}/2;
 fastcgi_temp_path {self.folder}/3; uwsgi_temp_path {self.folder}/4;
 scgi_temp_path {self.folder}/5;
 server {{ listen 127.0.0.1:{self.port} ssl; server_name localhost; root {root};
  ssl_protocols TLSv1.3; ssl_certificate {keys}/centre.crt;
  ssl_certificate_key {keys}/centre.key; }} }}
""")
        # Its workers run as nobody, who may not look into our folders.
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(["nginx", "-c", f"{self.folder}/nginx.conf", *user],
                                        stderr=subprocess.DEVNULL)
        wait_for("nginx", lambda: is_listening(self.port))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def curl(words, urls, *more):
    """Seconds and bytes of all of them, one after the other over one connection."""
    with open(f"{FOLDER}/urls", "w", encoding="ascii") as file:
        for url in urls:
            file.write(f'url = "{url}"\noutput = "/dev/null"\n')
    tls = [one for name, value in words.items() for one in (f"--{name}", value)]
    from_s = time.monotonic()
    done = subprocess.run(["curl", "-s", "-S", "--http1.1", "--fail", *tls, *more, "-w",
                           "%{size_download}\n", "-K", f"{FOLDER}/urls"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"curl: {done.stderr[:300]}")
    return time.monotonic() - from_s, sum(int(one) for one in done.stdout.split())


class OwnNetwork:
    """A loopback of our own, where what a browser gets from a port passes a line of LINE;
    the gateway's tunnel does not. What is started inside is in it."""

    def __enter__(self):
        self.libc, self.way_back = ctypes.CDLL(None, use_errno=True), None
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
            return None
        way_back = os.open("/proc/self/ns/net", os.O_RDONLY)
        if self.libc.unshare(CLONE_NEWNET) != 0:
            os.close(way_back)
            return None
        self.way_back = way_back
        is_made = all(self.tell(*words.split()) for words in (
            "ip link set lo mtu 1500 up", "tc qdisc add dev lo root handle 1: htb",
            f"tc class add dev lo parent 1: classid 1:1 htb rate {LINE} burst 64kb"))
        return self if is_made else None

    def __exit__(self, *_):
        if self.way_back is not None:
            self.libc.setns(self.way_back, CLONE_NEWNET)
            os.close(self.way_back)

    def limit(self, port):
        if not self.tell(*"tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip "
                         "sport".split(), str(port), *"0xffff flowid 1:1".split()):
            fail("no line")

    @staticmethod
    def tell(*words):
        return subprocess.run(words, capture_output=True, check=False).returncode == 0


def download(region):
    folder = f"{region.pictures}/bench-200"
    study = make_study(folder, region.number, 200, "native", DOWNLOAD_FILES)
    region.entry_of(study, DOWNLOAD_FILES)
    region.stop()
    region.started.append("--tls")
    measure_download(region, study, folder, None)
    with OwnNetwork() as line:
        if line:
            measure_download(region, study, folder, line)
        else:
            print("bench: no line, which takes root, ip, tc, HTB and u32", file=sys.stderr)
    region.started.pop()
    region.start()


def measure_download(region, study, folder, line):
    region.start()
    keys = f"{region.folder}/certificates"
    words = {"cert": f"{keys}/{CLINIC}-terminal.crt", "key": f"{keys}/{CLINIC}-terminal.key",
             "cacert": f"{keys}/authority.crt"}
    nginx = None
    try:
        client = TlsClient(region, words)
        opening = client.open_study(study, DOWNLOAD_FILES)
        ours = f"https://localhost:{region.port}/api/v1/openings/{opening}"
        cookie = ["-b", client.headers["Cookie"]]
        whole = f"{region.pictures}/../bench.zip"
        subprocess.run(["curl", "-s", "-S", "--fail", "--cert", words["cert"], "--key",
                        words["key"], "--cacert", words["cacert"], *cookie, "-o", whole,
                        f"{ours}/study.zip"], check=True)
        nginx = Nginx(f"{region.folder}/images", keys)
        theirs = f"https://localhost:{nginx.port}"
        files = sorted(os.listdir(folder))
        for port in (region.port, nginx.port) if line else ():
            line.limit(port)
        over = f" over {LINE}" if line else ""
        compare("the study as a ZIP" + over, words, [f"{ours}/study.zip"],
                [f"{theirs}/bench.zip"], cookie, region)
        compare("file by file" + over, words,
                [f"{ours}/instances/0/{i}" for i in range(len(files))],
                [f"{theirs}/{HOSPITAL}/bench-200/{name}" for name in files], cookie, region)
        os.unlink(whole)
    finally:
        if nginx:
            nginx.stop()
        region.stop()


def compare(what, words, ours, theirs, cookie, region):
    rates, spent_s, count = ([], []), 0, 0
    for _ in range(RUNS):
        for place, (urls, more) in enumerate(((ours, cookie), (theirs, []))):
            before_s = region.cpu_s()
            seconds, count = curl(words, urls, *more)
            rates[place].append(count / seconds / 1e6)
            spent_s += region.cpu_s() - before_s if place == 0 else 0
    mine, beside = statistics.median(rates[0]), statistics.median(rates[1])
    centre_mb, gateway_mb = region.memory_mb()
    show("download", what, mb=round(count / 1e6), mb_per_second=round(mine),
         nginx=round(beside), ratio=round(mine / beside, 2), runs=RUNS,
         cpu_s_per_gb=round(spent_s / RUNS / count * 1e9, 2), centre_mb=centre_mb,
         gateway_mb=gateway_mb)


class TlsClient(Client):
    def __init__(self, region, words):
        import ssl
        self.context = ssl.create_default_context(cafile=words["cacert"])
        self.context.load_cert_chain(words["cert"], words["key"])
        super().__init__(region)

    def ask(self, method, path, sent=None, expected=200, port=None, later=0):
        self.headers["Origin"] = f"https://localhost:{self.region.port}"
        plain, context = http.client.HTTPConnection, self.context
        http.client.HTTPConnection = lambda host, port, timeout: http.client.HTTPSConnection(
            host, port, timeout=timeout, context=context)
        try:
            return super().ask(method, path, sent, expected, port, later)
        finally:
            http.client.HTTPConnection = plain


# ---- the first frame over a link ----

class Link:
    """Hands bytes on half of LINK_MS after they came, either way."""

    def __init__(self, to_port):
        self.to_port = to_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to_port))
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def carry(source, sink):
        waiting, word = [], threading.Condition()

        def hand_on():
            while True:
                with word:
                    word.wait_for(lambda: waiting)
                    due, data = waiting.pop(0)
                time.sleep(max(0, due - time.monotonic()))
                try:
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)
                except OSError:
                    return
        threading.Thread(target=hand_on, daemon=True).start()
        data = b"."
        while data:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            with word:
                waiting.append((time.monotonic() + LINK_MS / 2000, data))
                word.notify()


def first(region):
    client = Client(region)
    study = make_study(f"{region.pictures}/bench-300", region.number, 300, "native", SCROLLED)
    client.open_study(study, SCROLLED)
    entry, link = region.entry_of(study, SCROLLED), Link(region.port)
    head = {"Host": f"localhost:{region.port}", "Cookie": client.headers["Cookie"]}
    times = {"opening": [], "list": [], "first frame": [], "all": []}
    for run in range(RUNS):
        marks = [time.monotonic()]
        opening = client.ask("POST", f"/entries/{entry}/openings", None, 201,
                             link.port)["opening"]
        marks.append(time.monotonic())
        client.ask("GET", f"/openings/{opening}/study", port=link.port)
        marks.append(time.monotonic())
        target = f"/api/v1/openings/{opening}/frames/0/%d/0?q=preview&window={500 + run},400"
        fetch(link.port, [target % 0], head, 1)
        marks.append(time.monotonic())
        for place, name in enumerate(("opening", "list", "first frame")):
            times[name].append(marks[place + 1] - marks[place])
        times["all"].append(marks[-1] - marks[0])
        scrolled = fetch(link.port, [target % i for i in range(1, SCROLLED)], head, 6)
    show("first", "first frame of 600 slices over the link", link_ms=LINK_MS, runs=RUNS,
         **{name.replace(" ", "_") + "_ms": round(statistics.median(took) * 1000)
            for name, took in times.items()},
         frames_per_second_after=round(scrolled["count"] / scrolled["seconds"]))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    region = Region()
    region.start()
    try:
        for part in PARTS:
            {"frames": frames, "first": first, "download": download}[part](region)
    finally:
        region.stop()
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
