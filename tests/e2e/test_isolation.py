"""Every request has a fresh instance: a guest that counts never gets past one."""

import threading

import whorl

REQUESTS = 10_000
BATCH = 50


def count_on_one_connection(server, requests, answers):
    with server.connect(timeout=60) as connection:
        for _ in range(requests // BATCH):
            connection.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * BATCH)
            for _ in range(BATCH):
                response = connection.response()
                answers.append((response.status, response.body))


def test_a_counter_answers_one_ten_thousand_times():
    with whorl.Server.start("-f", whorl.guest("counter"), env={"RUST_LOG": "whorl=info"}) as server:
        answers = []
        clients = [threading.Thread(target=count_on_one_connection, args=(server, REQUESTS // 4, answers)) for _ in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert len(answers) == REQUESTS
        assert set(answers) == {(200, b"1 1")}
        assert server.stop() == 0
        assert server.err.wait_for(f"stopped after {REQUESTS} requests in instances of their own")
