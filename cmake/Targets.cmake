# How Everpost's targets are made: warnings, sanitizers, precompiled headers, ccache, lld.
set(EVERPOST_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness lets ccache serve files that use a precompiled header; clang's PCH then must not
  # carry a time stamp.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
set(CMAKE_PCH_INSTANTIATE_TEMPLATES ON)

add_compile_options(-Wall -Wextra -Werror -fno-omit-frame-pointer)
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Xclang;-fno-pch-timestamp>")
# SSE 4.2 has the CRC32C instruction; every x86-64 server since 2009 has it. base/crc32c.cc falls back
# to a table on other processors.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-msse4.2)
endif()
add_link_options(-fuse-ld=lld-19)
if(EVERPOST_SANITIZE)
  add_compile_options(-fsanitize=${EVERPOST_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EVERPOST_SANITIZE})
endif()

# Boost.Asio and Beast are compiled once, in base/asio.cc. The definitions are global so that one
# precompiled header serves all targets.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED)

# everpost_library(NAME [SOURCES ...] [DEPENDS ...] [PRIVATE ...] [PCH from]): a static library; its
# headers are named from the project's root ("storage/log/log.h"). SOURCES default to all of the folder.
function(everpost_library name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  endif()
  if(NOT ARG_SOURCES)  # headers only
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(${name} INTERFACE ${ARG_DEPENDS} ${ARG_PRIVATE})
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
  if(ARG_PCH)
    target_precompile_headers(${name} REUSE_FROM ${ARG_PCH})
  endif()
endfunction()

# everpost_capnp(TARGET folder/schema.capnp): compiles a schema and adds it to the target; include it as
# "folder/schema.capnp.h", after base/capnp.h.
function(everpost_capnp target schema)
  set(output ${CMAKE_BINARY_DIR}/generated/${schema})
  add_custom_command(
    OUTPUT ${output}.h ${output}.c++
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
    COMMAND capnp compile -oc++:${CMAKE_BINARY_DIR}/generated --src-prefix=${CMAKE_SOURCE_DIR}
      ${CMAKE_SOURCE_DIR}/${schema}
    DEPENDS ${CMAKE_SOURCE_DIR}/${schema} VERBATIM)
  set_source_files_properties(${output}.c++ PROPERTIES SKIP_PRECOMPILE_HEADERS ON
    COMPILE_OPTIONS "-include;${CMAKE_SOURCE_DIR}/base/capnp.h;-Wno-error")
  target_sources(${target} PRIVATE ${output}.c++ ${output}.h)
  target_link_libraries(${target} PUBLIC CapnProto::capnp)
endfunction()

# everpost_test(NAME SOURCES ... DEPENDS ... [PCH from]): a GoogleTest program, one ctest entry, label
# `unit`. Tests are compiled without optimisation, also in the release build: what they test is optimised,
# and they are half of all the code there is to compile.
add_custom_target(everpost_tests)  # all of them, with the fuzz targets
set(EVERPOST_TEST_OPTIONS)
if(NOT EVERPOST_SANITIZE)
  set(EVERPOST_TEST_OPTIONS -O0)
endif()
function(everpost_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;PCH" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${EVERPOST_TEST_OPTIONS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  if(ARG_PCH)
    target_precompile_headers(${name} REUSE_FROM ${ARG_PCH})
  endif()
  add_dependencies(everpost_tests ${name})
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(EVERPOST_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 8")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT ${ARG_TIMEOUT})
endfunction()

# everpost_fuzz(NAME SOURCES ... DEPENDS ... [CORPUS dir]): a libFuzzer target, built in the asan preset
# only. Its ctest entry (label `fuzz`) runs it for EVERPOST_FUZZ_SECONDS.
set(EVERPOST_FUZZ_SECONDS 60 CACHE STRING "How long a fuzz target runs in ctest")
function(everpost_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPENDS" ${ARGN})
  if(NOT EVERPOST_SANITIZE MATCHES "address")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(everpost_tests ${name})
  set(found ${CMAKE_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME ${name} COMMAND ${name} -max_total_time=${EVERPOST_FUZZ_SECONDS} -rss_limit_mb=2048
    -timeout=10 -print_final_stats=1 ${found} ${ARG_CORPUS})
  math(EXPR limit "${EVERPOST_FUZZ_SECONDS} + 120")
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT ${limit})
endfunction()
