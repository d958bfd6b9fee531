"""A local AWS API server for the tests: moto on a free loopback port.

Prints `listening on PORT` once it accepts connections, and ends when its standard input closes, so that it never
outlives the test that started it.

The Rust SDK's CloudWatch client speaks Smithy RPC v2 CBOR only, which moto does not know. Its calls are translated on
the way in and out; everything else goes to moto as it comes.
"""

import gzip
import io
import json
import os
import re
import sys
import threading
from datetime import datetime, timezone

import cbor2
from botocore.loaders import Loader
from botocore.model import ServiceModel
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

CLOUDWATCH_CALL = re.compile(r"^/service/(GraniteServiceVersion20100801)/operation/(\w+)$")
PROTOCOL = "rpc-v2-cbor"


class QuietRequestHandler(MotoRequestHandler):
    """Keeps the tests' output free of access logs."""

    def log_request(self, code="-", size="-"):
        pass


class CborTranslation:
    """WSGI middleware: CloudWatch's CBOR to the JSON that moto knows, and back."""

    def __init__(self, app):
        self.app = app
        model = Loader().load_service_model("cloudwatch", "service-2")
        self.service = ServiceModel(model, "cloudwatch")

    def __call__(self, environ, start_response):
        call = CLOUDWATCH_CALL.match(environ.get("PATH_INFO", ""))
        if call is None:
            return self.app(environ, start_response)
        target, operation = call.groups()
        status, body = self.call_as_json(environ, target, operation)
        if status.startswith("200"):
            document = encode(body, self.service.operation_model(operation).output_shape)
        else:
            document = body
        answer = cbor2.dumps(document)
        headers = [
            ("Content-Type", "application/cbor"),
            ("Content-Length", str(len(answer))),
            ("smithy-protocol", PROTOCOL),
        ]
        start_response(status, headers)
        return [answer]

    def call_as_json(self, environ, target, operation):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.pop("HTTP_CONTENT_ENCODING", "") == "gzip":
            body = gzip.decompress(body)
        request = json.dumps(decode(cbor2.loads(body) if body else {})).encode()
        environ = environ | {
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(request)),
            "HTTP_X_AMZ_TARGET": f"{target}.{operation}",
            "wsgi.input": io.BytesIO(request),
        }
        environ.pop("HTTP_SMITHY_PROTOCOL", None)
        answered = {}

        def keep_status(status, headers, exc_info=None):
            answered["status"] = status

        answer = b"".join(self.app(environ, keep_status))
        return answered["status"], json.loads(answer or b"{}")


def decode(value):
    """A CBOR document as plain JSON; timestamps become Unix seconds."""
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def encode(value, shape):
    """A JSON document as the CBOR that the output shape asks for: tagged timestamps, doubles as floats."""
    if value is None or shape is None:
        return value
    if shape.type_name == "structure":
        return {key: encode(item, shape.members[key]) for key, item in value.items() if key in shape.members}
    if shape.type_name == "list":
        return [encode(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: encode(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return cbor2.CBORTag(1, unix_seconds(value))
    if shape.type_name in ("double", "float"):
        return float(value)
    return value


def unix_seconds(value):
    if isinstance(value, str):
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
    return float(value)


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    app = CborTranslation(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietRequestHandler)
    os.environ["MOTO_PORT"] = str(server.server_port)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
