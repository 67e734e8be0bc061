# weft_fuzz(<target> SOURCES … [LIBRARIES …] [CORPUS folder]): a libFuzzer target. It lands in
# <build>/fuzz/, where scripts/fuzz.sh finds it; CORPUS holds the inputs it starts from.
#
# The sources under test belong into SOURCES: what is compiled here is what the fuzzer sees the inside of.
function(weft_fuzz target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "CORPUS" "SOURCES;LIBRARIES")
    weft_program(${target} SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
    set(corpus)
    if(arg_CORPUS)
        cmake_path(ABSOLUTE_PATH arg_CORPUS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE corpus)
    endif()
    file(WRITE ${PROJECT_BINARY_DIR}/fuzz/${target}.corpus "${corpus}\n")
endfunction()
