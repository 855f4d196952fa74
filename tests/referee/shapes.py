#!/usr/bin/env python3
"""shapes.py nats|redis|nginx PROGRAM...: what values each setting takes, asked of the programs themselves.

Prints the table that core/src/wiring/shapes holds. Nothing is started: nats-server and nginx only test, and
redis-server stops at a line that it never takes.
"""
import os, re, subprocess, sys, tempfile

FOLDER = tempfile.mkdtemp()
FILE = os.path.join(FOLDER, "conf")


def run(command, text):
    with open(FILE, "w") as out:
        out.write(text)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=FOLDER)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def nats(programs, source):
    """BLOCK.NAME KINDS: t truth, n number, d duration, w word, l list, m block."""
    kinds = {
        "t": ["true"], "n": ["1", "100", "4222", "1048576"], "d": ['"2s"', '"45s"', '"10m"'],
        "w": ["zzz", '"127.0.0.1:4222"', '"nats://127.0.0.1:4222"', "/tmp/x"],
        "l": ["[]", "[zzz]", '["nats://127.0.0.1:4222"]', "[{}]"], "m": ["{}", "{a: {}}", "{zzz: zzz}"],
    }
    wrong = re.compile(r"interface conversion|[Uu]nknown field|[Ee]xpected|error parsing|invalid|could not parse|unrecognized|not supported|requires|must be|should be", re.I)
    for block, names in source:
        for name in names:
            found = ""
            for kind, values in kinds.items():
                taken = False
                for program in programs:
                    for value in values:
                        line = f"{name}: {value}\n"
                        text = line if block == "top" else f"{block} {{\n{line}}}\n"
                        said = run([program, "-t", "-c", FILE], text)
                        # The test is stricter than the server: a number of seconds is taken with a warning.
                        if not wrong.search(said) or "should be converted to a duration" in said:
                            taken = True
                            break
                    if taken:
                        break
                if taken:
                    found += kind
            if found:
                print(f"{block}.{name} {found}", flush=True)


def redis(program):
    """NAME KIND: b yes or no, i integer, m memory, =a,b one of these, * anything."""
    import time
    server = subprocess.Popen([program, "--port", "0", "--unixsocket", FOLDER + "/s", "--save", ""], stdout=subprocess.DEVNULL, cwd=FOLDER)
    time.sleep(2)
    out = subprocess.run(["redis-cli", "-s", FOLDER + "/s", "config", "get", "*"], capture_output=True, text=True).stdout
    server.terminate()
    names = sorted(set(out.split("\n")[0::2]) - {""})
    names += ["include", "loadmodule", "rename-command", "user", "slaveof", "sentinel"]
    for name in names:
        said = run([program, FILE], f"{name} zzz\nends-here yes\n")
        if "'yes' or 'no'" in said:
            kind = "b"
        elif "into an integer" in said:
            kind = "i"
        elif "memory value" in said:
            kind = "m"
        elif "one of the following: " in said:
            kind = "=" + said.split("one of the following: ")[1].split("\n")[0].replace(", ", ",")
        else:
            kind = "*"
        print(f"{name} {kind}", flush=True)


def nginx(program):
    """NAME WORDS KIND: WORDS how many it takes (`+`: more), `{` a block; KIND o on or off, n number, v size or time, * anything; behind a comma what else is taken, - for a sign."""
    blob = open(program, "rb").read()
    names = sorted({one.decode() for one in re.findall(rb"(?<=\0)[a-z][a-z0-9_]{2,40}(?=\0)", blob)})
    # A string may be the end of another one.
    names = sorted({"_".join(name.split("_")[at:]) for name in names for at in range(name.count("_") + 1)} | {"if", "location", "upstream"})
    wraps = [("http {{ {0} }}\n", ""), ("http {{ server {{ {0} }} }}\n", ""), ("http {{ server {{ location / {{ {0} }} }} }}\n", ""),
             ("http {{ upstream zzz {{ server 127.0.0.1; {0} }} }}\n", ""), ("{0}\n", "")]
    def ask(wrap, body):
        events = "" if body.startswith("events") else "events {}\n"
        return run([program, "-t", "-e", "stderr", "-p", FOLDER, "-c", FILE, "-g", f"pid {FOLDER}/pid;"], events + wrap.format(body))
    for name in names:
        for wrap, _ in wraps:
            said = ask(wrap, f"{name} zzz;")
            if f'unknown directive "{name}"' in said:
                break
            if "is not allowed here" in said:
                continue
            if "has no opening" in said:
                print(f"{name} {{ *", flush=True)
                break
            counts = "".join(str(n) for n in (0, 1, 2, 3, 4) if "invalid number of arguments" not in ask(wrap, name + " zzz" * n + ";"))
            kind = "*"
            if "it must be" in said and '"on" or "off"' in said:
                kind = "o"
            elif "invalid number" in said and "arguments" not in said:
                kind = "n"
            elif "directive invalid value" in said:
                kind = "v"
            if kind in "nv":
                words = [word for word in ("auto", "off", "max", "epoch") if "[emerg]" not in ask(wrap, f"{name} {word};")]
                words += ["-"] if "[emerg]" not in ask(wrap, f"{name} -5;") else []
                kind = ",".join([kind] + words)
            print(f"{name} {counts or '-'} {kind}", flush=True)
            break


if __name__ == "__main__":
    which, programs = sys.argv[1], sys.argv[2:]
    if which == "nats":
        text = open(os.path.join(os.path.dirname(__file__), "../../core/src/wiring/nats.rs")).read()
        top = re.search(r'const TOP: &str = "(.*?)";', text, re.S).group(1).replace("\\", "").split()
        tls = re.search(r'const TLS: &str = "(.*?)";', text, re.S).group(1).replace("\\", "").split()
        blocks = re.findall(r'\(\s*&\["(\w+)"[^\]]*\],\s*"(.*?)",?\s*\)', text, re.S)
        source = [("top", top), ("tls", tls)] + [(name, words.replace("\\", "").split()) for name, words in blocks]
        nats(programs, source)
    elif which == "redis":
        redis(programs[0])
    else:
        nginx(programs[0])
