int bms_answer(void) { return 42; }
