# Read by CTest after it has asked testbeds_test for its tests: what those of guests need beside the usual.
# One guest at a time: two would measure each other. Their root filesystem is made before the first of them.
foreach(test IN LISTS testbeds_test_TESTS)
  if(test MATCHES "/Uml|^PairOfGuests")
    set_tests_properties("${test}" PROPERTIES RESOURCE_LOCK guest FIXTURES_REQUIRED guest_root)
  elseif(test MATCHES "^GuestRoot")
    set_tests_properties("${test}" PROPERTIES FIXTURES_SETUP guest_root TIMEOUT 1000)
  endif()
endforeach()
