"""All fixtures: /usr/bin/python3 test/parity/make_fixtures.py [family …]."""
import sys
import reference
import cases_conv, cases_dense, cases_norm, cases_pool, cases_recurrent, cases_attention, cases_position, cases_blocks, cases_functions, cases_stability  # noqa: F401
import cases_init, cases_loss, cases_optim, cases_select  # noqa: F401

reference.write(sys.argv[1:])
