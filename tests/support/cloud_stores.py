"""Stand-ins for stores and databases of clouds, on services.Service: they check signatures, and do what the real ones do
as far as backends ask for it.

    with cloud_stores.Cosmos("db", "things", KEY) as service: ...
    with cloud_stores.Dynamo("table", "AKID", "secret") as service: ...
    with cloud_stores.Libsql("token") as service: ...
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sqlite3
import threading
import time
import urllib.parse

from services import Service


class Cosmos(Service):
    """One container of Azure Cosmos, partitioned by /id. @param token: of Entra ID, instead of the key"""

    PAGE = 3  # documents in an answer to a query

    def __init__(self, database, container, key, token=None):
        super().__init__()
        self.link, self.key, self.token = f"dbs/{database}/colls/{container}", base64.b64decode(key), token
        self.documents: dict[str, dict] = {}
        self.lock = threading.Lock()
        self.etags = 0

    def _is_authorised(self, request, link):
        text = urllib.parse.unquote(request.headers["authorization"])
        if self.token:
            return text == f"type=aad&ver=1.0&sig={self.token}"
        to_sign = f"{request.method.lower()}\ndocs\n{link}\n{request.headers['x-ms-date'].lower()}\n\n"
        signature = base64.b64encode(hmac.new(self.key, to_sign.encode(), hashlib.sha256).digest()).decode()
        return text == f"type=master&ver=1.0&sig={signature}"

    def answer(self, request):
        path = urllib.parse.unquote(request.path)[1:]
        assert path.startswith(self.link + "/docs"), path
        id = path.removeprefix(self.link + "/docs").removeprefix("/")
        if not self._is_authorised(request, path if id else self.link):
            return 401, {}, {"code": "Unauthorized", "message": "The input authorization token can't serve the request."}
        with self.lock:
            if request.headers.get("x-ms-documentdb-isquery") == "True":
                return self._query(request)
            partition = json.loads(request.headers["x-ms-documentdb-partitionkey"])
            if not id:
                return self._create(request, partition)
            assert partition == [id], (partition, id)
            return self._document(request, id)

    def _query(self, request):
        assert request.headers["content-type"] == "application/query+json"
        asked = request.json()
        found = sorted(self.documents)
        if "IN" in asked["query"]:
            wanted = {parameter["value"] for parameter in asked["parameters"]}
            assert re.findall(r"@k\d+", asked["query"]) == [parameter["name"] for parameter in asked["parameters"]]
            found = [id for id in found if id in wanted]
        start = int(request.headers.get("x-ms-continuation", "0"))
        page = [self.documents[id] for id in found[start:start + self.PAGE]]
        more = {"x-ms-continuation": str(start + self.PAGE)} if start + self.PAGE < len(found) else {}
        return 200, more, {"Documents": page, "_count": len(page)}

    def _stored(self, document):
        self.etags += 1
        self.documents[document["id"]] = document | {"_etag": f'"{self.etags}"'}

    def _create(self, request, partition):
        document = request.json()
        assert partition == [document["id"]]
        is_there = document["id"] in self.documents
        if is_there and request.headers.get("x-ms-documentdb-is-upsert") != "True":
            return 409, {}, {"code": "Conflict"}
        self._stored(document)
        return (200 if is_there else 201), {}, self.documents[document["id"]]

    def _document(self, request, id):
        if id not in self.documents:
            return 404, {}, {"code": "NotFound"}
        if request.headers.get("if-match", self.documents[id]["_etag"]) != self.documents[id]["_etag"]:
            return 412, {}, {"code": "PreconditionFailed"}
        if request.method == "DELETE":
            del self.documents[id]
            return 204, {}, b""
        if request.method == "PUT":
            self._stored(request.json())
        return 200, {}, self.documents[id]


def is_signed_for_aws(request, service, region, access_key, secret_key, session_token=None):
    """AWS Signature Version 4 of a POST to /."""
    match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(\S+?)/(\d{8})/(\S+?)/(\S+?)/aws4_request, "
                         r"SignedHeaders=(\S+), Signature=([0-9a-f]{64})", request.headers.get("authorization", ""))
    if not match:
        return False
    access, day, its_region, its_service, names, signature = match.groups()
    assert {"host", "x-amz-date"} <= set(names.split(";"))
    fields = "".join(f"{name}:{request.headers[name]}\n" for name in names.split(";"))
    canonical = f"POST\n/\n\n{fields}\n{names}\n{hashlib.sha256(request.body).hexdigest()}"
    to_sign = (f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{day}/{region}/{service}/aws4_request\n"
               f"{hashlib.sha256(canonical.encode()).hexdigest()}")
    key = ("AWS4" + secret_key).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return (access == access_key and (its_region, its_service) == (region, service) and signature == expected
            and request.headers.get("x-amz-security-token") == session_token)


class AwsIdentities(Service):
    """Who gives out keys of AWS: its token service, the service of a container, the machine's metadata service. Roles are
    assumed with the keys BASE, base-s3cret, or with the token of a web identity; whoever asks rightly is told KEYS."""

    KEYS = {"AccessKeyId": "AKID", "SecretAccessKey": "aws-s3cret-key", "Token": "session-t0ken"}
    WEB_TOKEN, CONTAINER_TOKEN, ROLE = "web-t0ken", "container-t0ken", "arn:aws:iam::1:role/r"

    def __init__(self, region="eu-test-1"):
        super().__init__()
        self.region = region
        self.lifetime_s = 3600

    @property
    def _until(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime_s))

    def _role(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        allowed = form["RoleArn"] == self.ROLE and form["Version"] == "2011-06-15" and form["RoleSessionName"] and (
            form["WebIdentityToken"] == self.WEB_TOKEN if form["Action"] == "AssumeRoleWithWebIdentity"
            else is_signed_for_aws(request, "sts", self.region, "BASE", "base-s3cret"))
        if not allowed:
            return 403, {}, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
        keys = self.KEYS
        return 200, {"content-type": "text/xml"}, (
            f"<{form['Action']}Response><{form['Action']}Result><Credentials><AccessKeyId>{keys['AccessKeyId']}</AccessKeyId>"
            f"<SecretAccessKey>{keys['SecretAccessKey']}</SecretAccessKey><SessionToken>{keys['Token']}</SessionToken>"
            f"<Expiration>{self._until}</Expiration></Credentials></{form['Action']}Result></{form['Action']}Response>").encode()

    def answer(self, request):
        if request.method == "POST":
            return self._role(request)
        keys = self.KEYS | {"Expiration": self._until}
        if request.path.startswith("/container"):
            return (200, {}, keys) if request.headers.get("authorization") == self.CONTAINER_TOKEN else (403, {}, {})
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            return (200, {}, b"m3tadata") if int(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]) > 0 else (400, {}, b"")
        if request.headers.get("x-aws-ec2-metadata-token") != "m3tadata":
            return 401, {}, b""
        path = request.path.removeprefix("/latest/meta-data/iam/security-credentials/")
        return (200, {}, b"the-role\n") if path == "" else (200, {}, keys) if path == "the-role" else (404, {}, b"")


class Dynamo(Service):
    """One table of AWS DynamoDB with the key PK."""

    PAGE = 3  # items of a scan, and of a batch; the rest is left unprocessed

    def __init__(self, table, access_key, secret_key, session_token=None, region="eu-test-1"):
        super().__init__()
        self.table, self.region = table, region
        self.access_key, self.secret_key, self.session_token = access_key, secret_key, session_token
        self.items: dict[str, dict] = {}
        self.lock = threading.Lock()

    def _is_signed(self, request):
        assert "x-amz-target" in request.headers["authorization"]
        return is_signed_for_aws(request, "dynamodb", self.region, self.access_key, self.secret_key, self.session_token)

    @staticmethod
    def error(type, message="", status=400):
        return status, {}, {"__type": f"com.amazonaws.dynamodb.v20120810#{type}", "message": message}

    def answer(self, request):
        if not self._is_signed(request):
            said = "The Canonical String for this request should have been\n" + "\n".join(
                f"{name}:{value}" for name, value in request.headers.items())
            return self.error("InvalidSignatureException", said)
        assert request.headers["content-type"] == "application/x-amz-json-1.0"
        operation = request.headers["x-amz-target"].removeprefix("DynamoDB_20120810.")
        asked = request.json()
        assert asked.get("TableName", self.table) == self.table
        with self.lock:
            return getattr(self, operation)(asked)

    def GetItem(self, asked):  # noqa: N802
        item = self.items.get(asked["Key"]["PK"]["S"])
        shown = {name: item[name] for name in asked["ProjectionExpression"].split(",") if name in item} if item else None
        return 200, {}, {} if item is None else {"Item": shown}

    def PutItem(self, asked):  # noqa: N802
        self.items[asked["Item"]["PK"]["S"]] = asked["Item"]
        return 200, {}, {}

    def DeleteItem(self, asked):  # noqa: N802
        self.items.pop(asked["Key"]["PK"]["S"], None)
        return 200, {}, {}

    def Scan(self, asked):  # noqa: N802
        keys = sorted(self.items)
        start = keys.index(asked["ExclusiveStartKey"]["PK"]["S"]) + 1 if "ExclusiveStartKey" in asked else 0
        page = keys[start:start + self.PAGE]
        answer = {"Items": [{"PK": {"S": key}} for key in page]}
        if start + self.PAGE < len(keys):
            answer["LastEvaluatedKey"] = {"PK": {"S": page[-1]}}
        return 200, {}, answer

    def BatchGetItem(self, asked):  # noqa: N802
        wanted = asked["RequestItems"][self.table]
        keys = [key["PK"]["S"] for key in wanted["Keys"]]
        assert len(keys) == len(set(keys)) <= 100
        found = [self.items[key] for key in keys[:self.PAGE] if key in self.items]
        left = {self.table: wanted | {"Keys": wanted["Keys"][self.PAGE:]}} if len(keys) > self.PAGE else {}
        return 200, {}, {"Responses": {self.table: found}, "UnprocessedKeys": left}

    def BatchWriteItem(self, asked):  # noqa: N802
        requests = asked["RequestItems"][self.table]
        assert 0 < len(requests) <= 25
        for request in requests[:self.PAGE]:
            if "PutRequest" in request:
                self.PutItem(request["PutRequest"])
            else:
                self.DeleteItem(request["DeleteRequest"])
        return 200, {}, {"UnprocessedItems": {self.table: requests[self.PAGE:]} if len(requests) > self.PAGE else {}}

    def UpdateItem(self, asked):  # noqa: N802
        assert asked["UpdateExpression"] == "SET #VAL = :new ADD #VER :one"
        key, values = asked["Key"]["PK"]["S"], asked["ExpressionAttributeValues"]
        item = self.items.get(key, {"PK": {"S": key}})
        condition = {"#VAL = :old": item.get("VAL") == values.get(":old"),
                     "attribute_not_exists (#VAL)": "VAL" not in item}[asked["ConditionExpression"]]
        if not condition:
            return self.error("ConditionalCheckFailedException")
        version = int(item.get("VER", {"N": "0"})["N"]) + 1
        self.items[key] = item | {"VAL": values[":new"], "VER": {"N": str(version)}}
        return 200, {}, {}


class Libsql(Service):
    """A libSQL server: Hrana 3 over HTTP, on SQLite databases that share one file in memory."""

    def __init__(self, token):
        super().__init__()
        self.token = token
        self.name = f"file:whorl-{id(self)}?mode=memory&cache=shared"
        self.keep = self._connect()
        self.streams: dict[str, sqlite3.Connection] = {}
        self.batons = 0
        self.lock = threading.Lock()

    def _connect(self):
        return sqlite3.connect(self.name, uri=True, isolation_level=None, check_same_thread=False, timeout=0.1)

    def answer(self, request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {}, {"error": f"Unauthorized: {request.headers.get('authorization')}"}
        if request.path != "/v3/pipeline":
            return 404, {}, {}
        asked = request.json()
        with self.lock:
            baton = asked["baton"]
            if baton and baton not in self.streams:
                return 400, {}, {"message": "The stream has expired", "code": "STREAM_EXPIRED"}
            stream = self.streams.pop(baton) if baton else self._connect()
            results, is_closed = [], False
            for step in asked["requests"]:
                results.append(self._step(stream, step))
                is_closed = is_closed or step["type"] == "close"
            if is_closed:
                stream.close()
                return 200, {}, {"baton": None, "base_url": None, "results": results}
            self.batons += 1
            self.streams[f"baton-{self.batons}"] = stream
            return 200, {}, {"baton": f"baton-{self.batons}", "base_url": None, "results": results}

    def _step(self, stream, step):
        answer = {"type": step["type"]}
        try:
            if step["type"] == "execute":
                answer["result"] = self._execute(stream, step["stmt"])
            elif step["type"] == "sequence":
                stream.executescript(step["sql"])
            elif step["type"] == "get_autocommit":
                answer["is_autocommit"] = not stream.in_transaction
        except sqlite3.Error as error:
            return {"type": "error", "error": {"message": f"SQLite error: {error}", "code": "SQLITE_ERROR"}}
        return {"type": "ok", "response": answer}

    @staticmethod
    def _execute(stream, statement):
        def argument(value):
            kind = value["type"]
            return (None if kind == "null" else int(value["value"]) if kind == "integer"
                    else base64.b64decode(value["base64"]) if kind == "blob" else value["value"])

        def cell(value):
            if value is None:
                return {"type": "null"}
            if isinstance(value, int):
                return {"type": "integer", "value": str(value)}
            if isinstance(value, float):
                return {"type": "float", "value": value}
            if isinstance(value, bytes):
                return {"type": "blob", "base64": base64.b64encode(value).decode().rstrip("=")}
            return {"type": "text", "value": value}

        cursor = stream.execute(statement["sql"], [argument(value) for value in statement["args"]])
        rows = [[cell(value) for value in row] for row in cursor.fetchall()]
        return {"cols": [{"name": column[0], "decltype": None} for column in cursor.description or []], "rows": rows,
                "affected_row_count": max(cursor.rowcount, 0),
                "last_insert_rowid": None if not cursor.lastrowid else str(cursor.lastrowid)}
