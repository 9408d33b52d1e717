"""An agent over HTTP in the standard library alone: linear bids, deterministic, no state of its own.

Start it with `python examples/http_agent.py --port 8099`, then train with
`--set agent=remote --set remote.url=http://127.0.0.1:8099`. The protocol is in docs/bring_your_own.md.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CTR, WEIGHT = 0.003, 20_000  # clicks per impression before anything was seen, and the impressions this guess weighs
SHADE = 0.8  # share of the estimated value that is bid


def decide(seen):
    """Each segment's bid is proportional to its click rate so far; the allowed candidates are shown alike."""
    bids, shares = [], []
    for campaign, click_value in enumerate(seen["click_value_micros"]):
        mask, segments = seen["mask"][campaign], range(len(seen["segment_features"][campaign]))
        allowed = sum(mask)
        clicks = [sum(seen["clicks"][campaign][s]) for s in segments]
        shown = [sum(seen["impressions"][campaign][s]) for s in segments]
        rates = [(clicks[s] + CTR * WEIGHT) / (shown[s] + WEIGHT) for s in segments]
        bids.append([round(SHADE * 1000 * rate * click_value) if allowed else 0 for rate in rates])
        alike = [may / allowed if allowed else 1 / len(mask) for may in mask]
        shares.append([alike for _ in segments])
    return {"bid_micros": bids, "creative_prob": shares}


class Act(BaseHTTPRequestHandler):
    """POST /act."""

    protocol_version = "HTTP/1.1"  # one connection for all calls
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/act":
            return self.send_error(404, "POST /act")
        request = json.loads(body)
        if request["protocol"] != "gaelp-agent/1":
            return self.send_error(400, f"this agent speaks gaelp-agent/1, not {request['protocol']}")
        decision = decide(request["observation"])
        answer = json.dumps({"decision": {head: decision[head] for head in request["heads"]}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Silent: a run asks thousands of times."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Act)
    print(f"POST http://127.0.0.1:{server.server_port}/act", flush=True)
    server.serve_forever()
