"""RS256 with nothing but Python: a key and signatures for assertions of a benchmark's clients. Slow and not constant in time."""

import base64
import hashlib
import json
import random

PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")     # RFC 8017 9.2, SHA-256
E = 65537


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def is_prime(n):
    if any(n % p == 0 for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(20):     # Miller and Rabin
        x = pow(random.randrange(2, n - 1), odd, n)
        if x not in (1, n - 1) and not any((x := x * x % n) == n - 1 for _ in range(twos - 1)):
            return False
    return True


def prime(bits):
    while True:
        n = random.getrandbits(bits) | 3 << bits - 2 | 1
        if n % E != 1 and is_prime(n):
            return n


class Key:
    def __init__(self, kid):
        self.kid, self.p, self.q = kid, prime(1024), prime(1024)
        self.n = self.p * self.q
        d = pow(E, -1, (self.p - 1) * (self.q - 1))
        self.dp, self.dq, self.inverse = d % (self.p - 1), d % (self.q - 1), pow(self.q, -1, self.p)

    @property
    def jwk(self):
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": b64(self.n.to_bytes(256, "big")), "e": "AQAB"}

    def sign(self, claims):
        """A JWT."""
        text = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": self.kid}, claims))
        digest = PREFIX + hashlib.sha256(text.encode()).digest()
        padded = int.from_bytes(b"\0\1" + b"\xff" * (253 - len(digest)) + b"\0" + digest, "big")
        mp, mq = pow(padded, self.dp, self.p), pow(padded, self.dq, self.q)
        signature = mq + (mp - mq) * self.inverse % self.p * self.q
        return f"{text}.{b64(signature.to_bytes(256, 'big'))}"
