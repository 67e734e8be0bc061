#!/usr/bin/env python3
"""The same commands to redis-server and to weft-kv: the replies must be the same, byte for byte.

    compare.py <weft-kv> [--seed N] [--rounds N]

First the scripts below, in RESP2 and RESP3; then random commands over a few keys. Replies whose order is
nobody's promise (members of sets, fields of hashes) are sorted before they are compared.
"""

import argparse
import random
import re
import shlex
import sys

from resp import Client, Closed, decode, encode
from servers import Server, redis_server, weft_kv

# One command a line, as redis-cli would take it. A line that begins with "N>" is sent on connection N,
# "raw" sends its text as it is and compares what comes back.
SCRIPTS = {
    "strings": r"""
        set a 1
        get a
        get
        get a b
        set a
        set a 1 EX
        set a 1 EX 0
        set a 1 EX -1
        set a 1 EX abc
        set a 1 EX 9223372036854775807
        set a 1 PX 9223372036854775807
        set a 1 EX 10 PX 10
        set a 1 EX 10 EX 20
        set a 1 EX 10 KEEPTTL
        set a 1 KEEPTTL EX 10
        set a 1 NX XX
        set a 1 XX NX
        set a 1 PERSIST
        set a 2 NX
        set a 2 XX
        set nokey 2 XX
        set a 3 GET
        set newkey 3 GET
        set newkey 4 NX GET
        set newkey2 4 NX GET
        set newkey3 4 XX GET
        set a 1 ex 100 nx get
        set a 1 exat 1
        get a
        set a 1 pxat 33177117420000
        pexpiretime a
        expiretime a
        set a 2 keepttl
        pexpiretime a
        set a 3
        pttl a
        setnx a 1
        setnx b 1
        setex a 10 x
        setex a 0 x
        setex a -1 x
        setex a 1.5 x
        psetex a 0 x
        psetex a 100000 x
        getset a y
        ttl a
        getset fresh y
        getdel a
        getdel a
        mget a b c
        mset a 1 b 2
        mset a 1 b
        mset
        msetnx a 1 z 2
        msetnx y1 1 y2 2
        mget a b y1 y2 z
        append a xyz
        append fresh2 xyz
        strlen a
        strlen nokey
        incr a
        set n 10
        incr n
        incrby n 5
        decr n
        decrby n 20
        incrby n abc
        incrby n 9223372036854775807
        set n 9223372036854775807
        incr n
        decrby n -9223372036854775808
        set n -9223372036854775808
        decr n
        set n " 1"
        incr n
        set n "01"
        incr n
        set n "-0"
        incr n
        set n ""
        incr n
        set f 10.5
        incrbyfloat f 0.1
        incrbyfloat f -5
        set f 5.0e3
        incrbyfloat f 2.0e2
        incrbyfloat f abc
        incrbyfloat f inf
        incrbyfloat f nan
        incrbyfloat f " 1"
        set f 3.0
        incrbyfloat f 1.000000000000000005
        set f 1e20
        incrbyfloat f 1
        set f 0
        incrbyfloat f 1.23456789012345678901234567890
        incrbyfloat f -1e-10
        incrbyfloat f 123456789012.123
        incrbyfloat f 1e17
        incrbyfloat newf 3.0
        incrbyfloat newf -3.0
        incrbyfloat newf -0.0
        getrange a 0 -1
        getrange a 0 0
        getrange a -3 -1
        getrange a -1 -3
        getrange a 5 2
        getrange a 0 100
        getrange a x 1
        getrange nokey 0 -1
        substr a 0 1
        setrange a 1 ZZ
        setrange a 10 Q
        get a
        setrange a -1 x
        setrange nokey9 0 ""
        exists nokey9
        setrange nokey9 3 x
        get nokey9
        setrange a 536870912 x
        setrange a 9223372036854775807 x
        getex a
        getex a EX 100
        getex a PERSIST
        getex a PERSIST EX 1
        getex a EX 1 PERSIST
        getex a KEEPTTL
        getex a EXAT 1
        exists a
        getex a EX 0
        getex a PXAT abc
        lpush l x
        get l
        getset l x
        set l 1 GET
        getdel l
        getex l
        append l x
        incr l
        incrbyfloat l 1
        setrange l 0 x
        getrange l 0 1
        strlen l
        mget l a
        set l now
        type l
        set "bin\x00key\xff" "v\x00\r\n\xfe"
        get "bin\x00key\xff"
        object encoding n
        set n 12
        object encoding n
        set n "this is a string that is longer than forty-four bytes in all"
        object encoding n
        object encoding nokey
        object foo
        object
        object encoding
        """,
    "keys": r"""
        mset a 1 b 2 c 3
        del a b nokey
        exists a b c c
        touch c d
        unlink c
        type c
        rpush l a
        sadd s a
        hset h a 1
        set x 1
        type l
        type s
        type h
        type x
        dbsize
        rename nokey z
        rename x y
        rename y y
        renamenx y y
        renamenx y l
        renamenx y w
        renamenx nokey q
        get w
        expire w 100
        rename w w2
        ttl w2
        set other 1
        rename w2 other
        ttl other
        get other
        expire nokey 10
        expire other abc
        expire other 9223372036854775807
        expire other -9223372036854775808
        pexpire other 9223372036854775807
        expire other 10 NX
        expire other 100 XX
        expire other 50 GT
        expire other 50 LT
        expire other 10 NX XX
        expire other 10 GT LT
        expire other 10 FOO
        expire other 10 NX GT
        ttl other
        persist other
        persist other
        persist nokey
        expire other 100 GT
        expire other 100 LT
        expire other 200 XX GT
        ttl other
        expireat other 33177117420
        expiretime other
        pexpireat other 33177117420123
        pexpiretime other
        expiretime other
        ttl nokey
        pttl nokey
        expiretime nokey
        persist other
        ttl other
        expiretime other
        expire other 0
        exists other
        set other 1
        pexpireat other 1
        exists other
        keys z*
        mset key1 1 key2 2 kez3 3
        ~keys key*
        ~keys k?[xyz]?
        ~keys k?[^y]?
        ~keys *
        ~keys k*[0-2]
        keys
        scan abc
        scan 0 count 0
        scan 0 count abc
        scan 0 foo
        scan 0 match
        scan -1x
        randomkey x
        flushall foo
        flushall sync async
        flushdb async
        randomkey
        dbsize
        flushall
        """,
    "hashes": r"""
        hset h a 1
        hset h a 2 b 3
        hset h a
        hset h a 1 b
        hmset h c 4 d 5
        hmset h c
        hget h a
        hget h nofield
        hget nokey a
        hmget h a b nofield
        hmget nokey a b
        hmget h
        ~hgetall h
        hgetall nokey
        ~hkeys h
        ~hvals h
        hkeys nokey
        hlen h
        hlen nokey
        hexists h a
        hexists h z
        hstrlen h a
        hstrlen h z
        hsetnx h a 9
        hsetnx h z 9
        hincrby h a 5
        hincrby h new 5
        hincrby h new abc
        hset h s notnum
        hincrby h s 1
        hset h big 9223372036854775807
        hincrby h big 1
        hincrbyfloat h f 1.5
        hincrbyfloat h f abc
        hincrbyfloat h s 1.5
        hincrbyfloat h f 1e20
        hdel h a b nofield
        hdel nokey a
        hdel h c d s big f new z
        exists h
        hscan nokey 0
        hscan h abc
        hset h one 1
        hscan h 0
        hscan h 0 match two
        hscan h 0 count 0
        hset "" "" ""
        hget "" ""
        set x 1
        hset x a 1
        hget x a
        hgetall x
        hdel x a
        hincrby x a 1
        hscan x 0
        object encoding x
        """,
    "lists": r"""
        rpush l a b c
        lpush l x y
        lrange l 0 -1
        lrange l 1 2
        lrange l -2 -1
        lrange l 5 1
        lrange l 0 100
        lrange l -100 100
        lrange l a 1
        lrange nokey 0 -1
        llen l
        llen nokey
        lindex l 0
        lindex l -1
        lindex l 99
        lindex l -99
        lindex l x
        lindex nokey 0
        lindex nokey x
        lset l 0 first
        lset l -1 last
        lset l 99 x
        lset l -99 x
        lset l x x
        lset nokey 0 x
        linsert l before first new
        linsert l after last end
        linsert l before nothere x
        linsert l foo first x
        linsert nokey before a b
        lrange l 0 -1
        lpushx nokey a
        rpushx nokey a
        lpushx l a b
        rpushx l c d
        lrange l 0 -1
        lpop l
        rpop l
        lpop l 2
        rpop l 2
        lpop l 0
        lpop l -1
        lpop l abc
        lpop l 1 2
        lpop nokey
        lpop nokey 1
        lpop nokey 0
        rpush r a b a c a d a
        lrem r 2 a
        lrange r 0 -1
        lrem r -1 a
        lrange r 0 -1
        lrem r 0 a
        lrem r 0 nothere
        lrem nokey 0 a
        lrem r x a
        lrange r 0 -1
        ltrim r 1 1
        lrange r 0 -1
        ltrim r 5 10
        exists r
        ltrim nokey 0 1
        ltrim nokey x 1
        rpush m 1 2 3
        rpoplpush m m
        lrange m 0 -1
        rpoplpush m other
        rpoplpush nokey other
        lmove m other left right
        lmove m other left foo
        lmove m m left right
        lmove m m left left
        lmove m m right right
        lmove nokey other left right
        lrange m 0 -1
        lrange other 0 -1
        set x 1
        rpush x a
        lpop x
        lrange x 0 -1
        rpoplpush other x
        rpoplpush x other
        llen x
        lset x 0 a
        linsert x before a b
        blpop x 0
        blpop m 0
        brpop nokey other 0
        blpop m abc
        blpop m -1
        blpop nokey 0.01
        brpop nokey nokey2 0.01
        blpop m
        object encoding other
        rpush long "" "LONG" a
        lrange long 0 -1
        rpop long
        rpop long
        rpop long
        """,
    "sets": r"""
        sadd s a b c
        sadd s a d
        sadd s
        scard s
        scard nokey
        sismember s a
        sismember s z
        smismember s a z b
        smismember nokey a
        ~smembers s
        smembers nokey
        srem s a z
        srem nokey a
        sadd t b c x
        ~sinter s t
        ~sunion s t
        ~sdiff s t
        ~sdiff t s
        sinter s nokey
        ~sunion s nokey
        ~sdiff s nokey
        sdiff nokey s
        sinter
        sinterstore d s t
        ~smembers d
        sunionstore d s t
        ~smembers d
        sdiffstore d s t
        ~smembers d
        sinterstore d s nokey
        exists d
        sunionstore d nokey nokey2
        set str 1
        sinter s str
        sunion str
        sinterstore d str s
        sinterstore str s t
        type str
        set str 1
        smove s t b
        smove s t nothere
        smove nokey t b
        smove s str c
        smove s s c
        smove s newset c
        ~smembers newset
        spop nokey
        spop nokey 2
        spop newset 0
        spop newset
        exists newset
        ~spop t 100
        exists t
        spop s -1
        spop s abc
        spop s 1 2
        srandmember nokey
        srandmember nokey 3
        srandmember s abc
        srandmember s 0
        sadd one x
        srandmember one
        srandmember one 3
        srandmember one -3
        srandmember one 1 2
        sscan nokey 0
        sscan one 0
        sscan one x
        sscan one 0 foo bar
        sscan str 0
        sadd str x
        smembers str
        sadd ints 3 1 2
        ~smembers ints
        """,
    "transactions": r"""
        multi
        set a 1
        incr a
        get a
        lpush a x
        exec
        exec
        discard
        multi
        multi
        watch a
        discard
        multi
        foo
        exec
        multi
        get
        exec
        multi
        set a 5
        discard
        get a
        watch a
        2>set a 6
        multi
        get a
        exec
        watch a
        2>get a
        multi
        get a
        exec
        watch a
        unwatch
        2>set a 7
        multi
        get a
        exec
        watch nokey
        2>set nokey 1
        multi
        exec
        watch nokey
        2>del nokey
        multi
        exec
        watch a
        2>flushall
        multi
        exec
        watch notthere
        2>flushall
        multi
        exec
        multi
        blpop nokey 0
        exec
        multi
        shutdown
        exec
        multi
        client foo
        exec
        multi
        subscribe a
        unsubscribe a
        ping
        exec
        watch
        exec foo
        multi
        select 0
        config get maxmemory-policy
        quit x
        """,
    "messages": r"""
        publish ch hello
        2>subscribe ch ch2
        2<
        publish ch hello
        2<
        2>get a
        2>ping
        2>ping x
        2>subscribe ch
        2>psubscribe c*
        publish ch both
        2<
        2<
        ~pubsub channels
        ~pubsub channels *
        pubsub channels nothing*
        pubsub numsub ch ch2 nothing
        pubsub numsub
        pubsub numpat
        pubsub foo
        2>unsubscribe ch
        2>unsubscribe ch
        2>unsubscribe
        2>unsubscribe
        2>punsubscribe x*
        2>punsubscribe
        2>punsubscribe
        2>get a
        2>reset
        2>get a
        subscribe
        """,
    "connection": r"""
        ping
        ping x
        ping x y
        echo hello
        echo
        select 0
        select 1
        select -1
        select abc
        select 99999999999
        auth x
        auth default x
        auth foo x
        auth a b c
        hello 4
        hello abc
        hello 2 foo
        hello 2 auth foo bar
        hello 2 setname "a b"
        client getname
        client setname me
        client getname
        client setname "a b"
        client setname ""
        client getname
        client foo
        client
        client id x
        client kill 1.2.3.4:5
        client kill id 999999
        client kill id abc
        client kill id 0
        client kill addr
        client kill foo bar
        client kill type foo
        client kill user foo
        client kill addr 1.2.3.4:5
        client list type foo
        client list foo
        client list id abc
        client no-evict on
        client no-evict foo
        client reply foo
        client reply on
        unknowncommand a b "c d"
        "unknown\r\ncommand" "a\r\nb"
        unknowncommand LONG y z
        client|id
        "CLIENT\\ID"
        config get save
        config get databases
        config get nosuchparameter
        config set nosuchparameter 1
        config set
        config set databases
        config foo
        config resetstat
        command foo
        command count x
        command info nosuchcommand
        command docs nosuchcommand
        bgrewriteaof x
        dbsize x
        time x
        shutdown foo
        shutdown save nosave
        shutdown abort now
        shutdown nosave abort
        shutdown ABORT
        reset
        quit
        """,
    "protocol": r"""
        raw PING\r\n
        raw \r\n\r\nPING\r\n
        raw PING\n
        raw set k "a b\x41\n"\r\nget k\r\n
        raw set k 'it\'s'\r\nget k\r\n
        raw   echo   hi  \r\n
        raw *0\r\nPING\r\n
        raw *-1\r\nPING\r\n
        raw *1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n
        raw *1\r\nPING\r\n
        raw *1\r\n$abc\r\n
        raw *1\r\n$-1\r\n
        raw *1\r\n$4x\r\nPING\r\n
        raw *abc\r\n
        raw *99999999999\r\n
        raw *1\r\n$99999999999\r\n
        raw set k "unbalanced\r\n
        raw set k "a"b\r\n
        raw set k 'a'b\r\n
        raw *01\r\n$4\r\nPING\r\n
        """,
}


def words(line):
    """Splits a line as redis-cli does: quotes, and escapes within double quotes."""
    out = []
    for m in re.finditer(r'"((?:[^"\\]|\\.)*)"|(\S+)', line):
        if m.group(1) is not None:
            text = m.group(1).encode("latin1")
            out.append(text.decode("unicode_escape").encode("latin1") if b"\\" in text else text)
        else:
            out.append(m.group(2).encode())
    return [b"x" * 300 if word == b"LONG" else word for word in out]


def normalise(value):
    """For replies without an order: sorts, pairs of a map or an array of fields kept together or not."""
    if isinstance(value, list):
        return sorted((normalise(v) for v in value), key=repr)
    return value


class Pair:
    """The same conversation with two servers."""

    def __init__(self, servers, protocol):
        self.servers, self.protocol = servers, protocol
        self.connections = {}

    def at(self, number):
        if number not in self.connections:
            both = [Client(s.port) for s in self.servers]
            if self.protocol == 3:
                for c in both:
                    c("HELLO", "3")
            self.connections[number] = both
        return self.connections[number]

    def drop(self, number):
        for c in self.connections.pop(number, []):
            c.close()

    def close(self):
        for number in list(self.connections):
            self.drop(number)

    def ask(self, number, act):
        replies = []
        for c in self.at(number):
            try:
                replies.append(act(c))
            except Closed:
                replies.append(b"(closed)")
        if b"(closed)" in replies:
            self.drop(number)
        return replies


def same_number(command, theirs, ours):
    """Where long double is of another size than redis-server's, sums of fractions have other last digits."""
    if not WITH_LONGER_FLOATS or command.lower() not in ("incrbyfloat", "hincrbyfloat", "get", "hget", "mget"):
        return False
    try:
        a, b = (float(decode(r)[0]) for r in (theirs, ours))
    except (TypeError, ValueError):
        return False
    return abs(a - b) <= 1e-15 * abs(a)


def run_script(name, script, servers, protocol):
    pair, failures, count = Pair(servers, protocol), 0, 0
    pair.at(1), pair.at(2)
    for line in script.strip("\n").split("\n"):
        line = line.strip()
        if not line:
            continue
        number, text = 1, line
        if m := re.match(r"(\d)([<>])(.*)", line):
            number, text = int(m.group(1)), m.group(3)
            if m.group(2) == "<":
                text = None
        unordered = text is not None and text.startswith("~")
        if unordered:
            text = text[1:]
        if text is None:
            replies = pair.ask(number, lambda c: c.raw())
        elif text.startswith("raw "):
            data = text[4:].replace("\\r", "\r").replace("\\n", "\n").encode()

            def converse(c):
                # What the server answers up to the marker that follows, or to its end of the conversation.
                c.send_raw(data)
                c.send_raw(encode("ECHO", "marker"))
                got = b""
                try:
                    while True:
                        reply = c.raw()
                        if reply == b"$6\r\nmarker\r\n":
                            return got
                        got += reply
                except (Closed, ConnectionError):
                    return got + b"(closed)"

            replies = pair.ask(number, converse)
            if replies[0].endswith(b"(closed)"):
                pair.drop(number)
        else:
            args = words(text)
            replies = pair.ask(number, lambda c: c(*args))
        count += 1
        theirs, ours = replies
        if unordered and theirs[:1] == ours[:1] and theirs[:1] in b"*~%":
            theirs, ours = (normalise(decode(r)[0]) for r in replies)
        if theirs != ours and not same_number((text or "").split(" ")[0], *replies):
            failures += 1
            print(f"{name} (RESP{protocol}): {line}\n    redis-server: {replies[0]!r}\n    weft-kv:      {replies[1]!r}")
    pair.close()
    return count, failures


KEYS = ["k1", "k2", "k3", "k4"]


def random_command(r):
    k = lambda: r.choice(KEYS)
    v = lambda: r.choice(["a", "b", "", "1", "-7", "3.25", "x" * r.randrange(300), "y" * r.randrange(5000), str(r.randrange(-99, 99))])
    n = lambda: str(r.choice([0, 1, 2, 3, -1, -2, 5, 100, -100]))
    f = lambda: r.choice(["f1", "f2", "f3", str(r.randrange(200))])
    many = lambda g: [g() for _ in range(r.randrange(1, 6))]
    pairs = lambda: [x for _ in range(r.randrange(1, 4)) for x in (f(), v())]
    return r.choice(
        [
            lambda: ["GET", k()],
            lambda: ["SET", k(), v()] + r.choice([[], ["NX"], ["XX"], ["GET"], ["KEEPTTL"], ["EX", "1000"]]),
            lambda: ["APPEND", k(), v()],
            lambda: ["STRLEN", k()],
            lambda: ["INCRBY", k(), n()],
            lambda: ["INCRBYFLOAT", k(), r.choice(["0.5", "1.25", "-3", "1e3"])],
            lambda: ["GETRANGE", k(), n(), n()],
            lambda: ["SETRANGE", k(), str(r.randrange(20)), v()],
            lambda: ["GETDEL", k()],
            lambda: ["GETSET", k(), v()],
            lambda: ["MSET", k(), v(), k(), v()],
            lambda: ["MGET", *many(k)],
            lambda: ["DEL", *many(k)],
            lambda: ["EXISTS", *many(k)],
            lambda: ["TYPE", k()],
            lambda: ["RENAME", k(), k()],
            lambda: ["RENAMENX", k(), k()],
            lambda: ["PERSIST", k()],
            lambda: ["EXPIRE", k(), "1000", *r.choice([[], ["NX"], ["XX"]])],
            lambda: ["TTL", k()],
            lambda: ["DBSIZE"],
            lambda: ["HSET", k(), *pairs()],
            lambda: ["HGET", k(), f()],
            lambda: ["HMGET", k(), *many(f)],
            lambda: ["HDEL", k(), *many(f)],
            lambda: ["HLEN", k()],
            lambda: ["HGETALL", k()],
            lambda: ["HINCRBY", k(), f(), n()],
            lambda: ["HSETNX", k(), f(), v()],
            lambda: [r.choice(["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), k(), *many(v)],
            lambda: [r.choice(["LPUSH", "RPUSH"]), k(), *many(v)],
            lambda: [r.choice(["LPOP", "RPOP"]), k()],
            lambda: [r.choice(["LPOP", "RPOP"]), k(), str(r.randrange(4))],
            lambda: ["LRANGE", k(), n(), n()],
            lambda: ["LINDEX", k(), n()],
            lambda: ["LSET", k(), n(), v()],
            lambda: ["LINSERT", k(), r.choice(["BEFORE", "AFTER"]), v(), v()],
            lambda: ["LREM", k(), n(), v()],
            lambda: ["LTRIM", k(), n(), n()] if r.random() < 0.3 else ["LLEN", k()],
            lambda: ["LMOVE", k(), k(), r.choice(["LEFT", "RIGHT"]), r.choice(["LEFT", "RIGHT"])],
            lambda: ["SADD", k(), *many(f)],
            lambda: ["SREM", k(), *many(f)],
            lambda: ["SISMEMBER", k(), f()],
            lambda: ["SMEMBERS", k()],
            lambda: ["SCARD", k()],
            lambda: ["SMOVE", k(), k(), f()],
            lambda: [r.choice(["SINTER", "SUNION", "SDIFF"]), *many(k)],
            lambda: [r.choice(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), k(), *many(k)],
        ]
    )()


WITH_LONGER_FLOATS = False
UNORDERED = {"HGETALL", "SMEMBERS", "SINTER", "SUNION", "SDIFF"}


def run_random(seed, rounds, servers):
    r = random.Random(seed)
    pair, failures = Pair(servers, 3 if seed % 2 else 2), 0
    theirs, ours = pair.at(1)
    theirs("FLUSHALL"), ours("FLUSHALL")
    for start in range(0, rounds, 100):
        commands = [random_command(r) for _ in range(100)]
        batch = b"".join(encode(*c) for c in commands)
        for c in (theirs, ours):
            c.send_raw(batch)
        for command in commands:
            a, b = theirs.raw(), ours.raw()
            if a != b and command[0] in UNORDERED and a[:1] == b[:1] and a[:1] in b"*~%":
                a, b = normalise(decode(a)[0]), normalise(decode(b)[0])
            if a != b:
                failures += 1
                print(f"random, seed {seed}: {command}\n    redis-server: {a!r}\n    weft-kv:      {b!r}")
                if failures == 5:
                    return failures
    pair.close()
    return failures


def main():
    p = argparse.ArgumentParser()
    p.add_argument("binary")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--seeds", type=int, default=8)
    p.add_argument("--rounds", type=int, default=4000)
    p.add_argument("--raw-command", help="start this instead, with {port} in it")
    p.add_argument("--with-longer-floats", action="store_true", help="the other server's long double is not this machine's")
    options = p.parse_args()
    global WITH_LONGER_FLOATS
    WITH_LONGER_FLOATS = options.with_longer_floats
    total = failures = 0
    ours = Server(shlex.split(options.raw_command)) if options.raw_command else weft_kv(options.binary, "--appendonly", "no")
    with redis_server() as theirs, ours:
        for name, script in SCRIPTS.items():
            for protocol in (2, 3):
                for s in (theirs, ours):
                    with s.client() as c:
                        c("FLUSHALL")
                count, failed = run_script(name, script, (theirs, ours), protocol)
                total, failures = total + count, failures + failed
        for seed in range(options.seed, options.seed + options.seeds):
            failures += run_random(seed, options.rounds, (theirs, ours))
            total += options.rounds
    print(f"{total} commands, {failures} different replies")
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
