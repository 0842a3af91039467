"""Originals in S3: the program against a server that speaks S3 and checks the signature of every request.

EYRIE names the program. Run by scripts/test-s3.
"""

import json
import logging
import os
import random
import struct
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
import zlib
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "pictures"
PREFIX = "eyrie/originals"
REGION = "eu-central-1"


def png(seed, side=64):
    """A picture of noise, which does not compress."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(side * 3) for _ in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


def call(method, url, body=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        return Answer(urllib.request.urlopen(urllib.request.Request(url, body, names, method=method)))
    except urllib.error.HTTPError as error:
        return Answer(error)


class OriginalsInS3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        cls.server.start()
        host, port = cls.server.get_host_and_port()
        cls.endpoint = f"http://{host}:{port}"
        anyone = {"region_name": REGION, "endpoint_url": cls.endpoint, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        iam = boto3.client("iam", **anyone)
        iam.create_user(UserName="eyrie")
        may = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        iam.put_user_policy(UserName="eyrie", PolicyName="objects", PolicyDocument=policy)
        key = iam.create_access_key(UserName="eyrie")["AccessKey"]
        cls.key = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        cls.s3 = boto3.client("s3", region_name=REGION, endpoint_url=cls.endpoint, **cls.key)
        cls.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        # From here on every request must be signed with a key that is there, and may do what it does.
        assert call("POST", f"{cls.endpoint}/moto-api/reset-auth", b"0", content_type="text/plain").status == 200

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.data = tempfile.TemporaryDirectory()
        self.addCleanup(self.data.cleanup)
        self.addCleanup(lambda: [self.s3.delete_object(Bucket=BUCKET, Key=key) for key in self.keys()])

    def keys(self):
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def environment(self, **more):
        settings = {
            "EYRIE_BIND": "127.0.0.1:0",
            "EYRIE_DATA_DIR": self.data.name,
            "EYRIE_LOG__FORMAT": "json",
            "EYRIE_STORAGE__ORIGINALS": "s3",
            "EYRIE_STORAGE__S3_BUCKET": BUCKET,
            "EYRIE_STORAGE__S3_PREFIX": PREFIX,
            "EYRIE_STORAGE__S3_REGION": REGION,
            "EYRIE_STORAGE__S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.key["aws_secret_access_key"],
        }
        own = {name: value for name, value in os.environ.items() if not name.startswith(("EYRIE_", "AWS_"))}
        return {**own, **settings, **more}

    @contextmanager
    def eyrie(self, **more):
        """A running server; its address, and the end of its log once it has ended in order."""
        process = subprocess.Popen([os.environ["EYRIE"], "serve"], env=self.environment(**more), stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr:
                event = json.loads(line)
                if event.get("message") == "listening":
                    break
            else:
                self.fail("the server ended before it listened")
            yield f"http://{event['address']}"
            process.terminate()
            self.log = process.stderr.read()
            self.assertEqual(process.wait(), 0, self.log)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()

    def doctor(self, *flags, **more):
        command = [os.environ["EYRIE"], "doctor", "--json", *flags]
        ended = subprocess.run(command, env=self.environment(**more), capture_output=True, text=True)
        return ended.returncode, json.loads(ended.stdout)["originals"]

    def add(self, url, name, picture, status=201):
        answer = call("POST", f"{url}/v1/collections/c/images?id={name}", picture, content_type="image/png")
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def test_originals_are_stored_read_in_parts_replaced_and_deleted(self):
        large = png(1, side=800)
        with self.eyrie() as url:
            call("PUT", f"{url}/v1/collections/c", b'{"profile": "fast"}', content_type="application/json")
            record = self.add(url, "large", large)
            self.add(url, "gone", png(2))
            [key] = [key for key in self.keys() if self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == large]
            self.assertRegex(key, f"^{PREFIX}/[0-9a-f]{{32}}/[0-9a-f]{{2}}/[0-9a-f-]{{36}}$")

            original = url + record["original_url"]
            whole = call("GET", original)
            self.assertEqual((whole.status, whole.headers["content-type"], whole.body == large), (200, "image/png", True))
            for asked, part in [("0-9", large[:10]), ("1000000-1000099", large[1000000:1000100]), ("-5", large[-5:])]:
                answer = call("GET", original, range=f"bytes={asked}")
                self.assertEqual((answer.status, answer.body == part), (206, True), asked)
            self.assertEqual(call("GET", original, range=f"bytes={len(large)}-").status, 416)
            self.assertEqual(call("GET", original, if_none_match=whole.headers["etag"]).status, 304)

            replaced = call("PUT", f"{url}/v1/collections/c/images/large", png(3), content_type="image/png").json()
            self.assertEqual(call("GET", url + replaced["original_url"]).body, png(3))
            self.assertEqual(call("DELETE", f"{url}/v1/collections/c/images/gone").status, 204)
        # What was to be removed is removed when the server has ended.
        kept = [self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self.keys()]
        self.assertEqual(kept, [png(3)])
        code, found = self.doctor()
        self.assertEqual((code, found["kept"], found["sound"]), (0, 1, True))

        with self.eyrie() as url:
            self.assertEqual(call("GET", f"{url}/v1/collections/c/images/large/original").body, png(3))
            self.assertEqual(call("DELETE", f"{url}/v1/collections/c").status, 204)
        self.assertEqual(self.keys(), [])

    def test_doctor_finds_orphans_and_what_is_missing(self):
        with self.eyrie() as url:
            call("PUT", f"{url}/v1/collections/c", b'{"profile": "fast"}', content_type="application/json")
            self.add(url, "a", png(1))
        [key] = self.keys()
        folder = key.split("/")[-3]
        orphan = f"{PREFIX}/{folder}/00/01234567-89ab-7def-8123-456789abcdef"
        self.s3.put_object(Bucket=BUCKET, Key=orphan, Body=b"lost")
        # Of another database, and of somebody else: not ours to remove.
        others = [f"{PREFIX}/{'0' * 32}/00/01234567-89ab-7def-8123-456789abcdef", f"{PREFIX}/{folder}/00/a note.txt"]
        for other in others:
            self.s3.put_object(Bucket=BUCKET, Key=other, Body=b"x")
        code, found = self.doctor()
        self.assertEqual((code, found["young"], found["orphans"]), (0, 1, []))
        code, found = self.doctor("--grace", "0", "--repair")
        self.assertEqual((code, [one["bytes"] for one in found["orphans"]]), (0, [4]))
        self.assertEqual(self.keys(), sorted([key, *others]))

        self.s3.delete_object(Bucket=BUCKET, Key=key)
        code, found = self.doctor()
        self.assertEqual((code, [one["image"] for one in found["missing"]]), (1, ["c/a"]))
        self.assertEqual(self.doctor("--repair")[0], 0)
        self.assertEqual(self.doctor()[1]["kept"], 0)

    def test_a_key_that_is_not_taken_stores_nothing_and_is_not_logged(self):
        wrong = {"EYRIE_STORAGE__S3_ACCESS_KEY_ID": self.key["aws_access_key_id"], "EYRIE_STORAGE__S3_SECRET_ACCESS_KEY": "hunter2"}
        with self.eyrie(**wrong) as url:
            call("PUT", f"{url}/v1/collections/c", b'{"profile": "fast"}', content_type="application/json")
            problem = self.add(url, "a", png(1), status=503)
            self.assertEqual(problem["code"], "originals_unavailable")
            self.assertEqual(call("GET", f"{url}/v1/collections/c/images:count").json(), {"count": 0})
        self.assertNotIn("hunter2", self.log)
        self.assertEqual(self.keys(), [])

    def test_a_bucket_that_is_not_there_stores_nothing(self):
        with self.eyrie(EYRIE_STORAGE__S3_BUCKET="nowhere") as url:
            call("PUT", f"{url}/v1/collections/c", b'{"profile": "fast"}', content_type="application/json")
            self.assertEqual(self.add(url, "a", png(1), status=503)["code"], "originals_unavailable")
            self.assertEqual(call("GET", f"{url}/v1/collections/c/images:count").json(), {"count": 0})


if __name__ == "__main__":
    unittest.main(verbosity=2)
