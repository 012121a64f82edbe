+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:04.0  talks with PJSIP/trunk-direct
    0:04.0  PJSIP/1001 is out: talked 1.9 s, 2.1 s on hold
    0:04.0  attended transfer from PJSIP/1001 to PJSIP/trunk-direct: completed
    0:05.9  PJSIP/trunk-direct is out: talked 1.9 s
    0:05.9  ends: answered, waited 0.0 s

+8613800138000 "张三" calls 1001
    0:00.0  talks with PJSIP/1001
    0:02.0  talks with PJSIP/trunk-queue
    0:02.0  PJSIP/1001 is out: talked 2.0 s
    0:03.9  PJSIP/trunk-queue is out: talked 1.9 s
    0:03.9  ends: answered without a queue
