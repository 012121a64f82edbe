1001 "Agent 1001" calls 0123
    0:02.6  ends: never left the menus

+8613800138000 "张三" calls 508
    0:00.0  waits in q508
    0:02.0  leaves q508 after 2.0 s: no_agent
    0:02.0  ends: nobody was there to answer, waited 2.0 s
