# A room is a folder of the house. Its sources are found by looking, so that a new file needs no line
# here: `*_test.cpp` are tests, `testing*.cpp` is what tests stand on, `*_fuzz.cpp` belongs to a fuzz target,
# and every other .cpp to the library.

# The core has two floors: what users include, and the machine under it.
set(weft_core_rooms weft/core weft/core/machine)

set(weft_test_pattern "(_test|_fuzz|/testing[a-z_]*)\\.cpp$")

# weft_glob(<out> <pattern> <room>...)
function(weft_glob out pattern)
    set(found)
    foreach(room IN LISTS ARGN)
        file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/${pattern})
        list(APPEND found ${sources})
    endforeach()
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# weft_test_sources(<out> <room>...): the tests beside the code.
function(weft_test_sources out)
    weft_glob(found *_test.cpp ${ARGN})
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# What every target of ours is compiled with, and no user of an installed weft is.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE -Wall -Wextra $<$<BOOL:${WEFT_WERROR}>:-Werror>)

# weft_library(<target> <room>...): a static library of the rooms' sources. A room of headers alone
# still makes an archive, so that whoever links it need not know.
function(weft_library target)
    weft_glob(sources *.cpp ${ARGN})
    list(FILTER sources EXCLUDE REGEX "${weft_test_pattern}")
    if(NOT sources)
        set(sources ${CMAKE_CURRENT_BINARY_DIR}/${target}_headers_only.cpp)
        if(NOT EXISTS ${sources})
            file(WRITE ${sources} "// This library's rooms hold headers alone.\n")
        endif()
    endif()
    add_library(${target} STATIC ${sources})
    string(REPLACE "weft_" "" short ${target})
    add_library(weft::${short} ALIAS ${target})
    target_compile_features(${target} PUBLIC cxx_std_23)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF EXPORT_NAME ${short})
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:weft_warnings>)
endfunction()

# weft_program(<target> SOURCES … [LIBRARIES …]): an executable of ours, on weft::weft unless LIBRARIES
# names another world.
function(weft_program target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    if(NOT arg_LIBRARIES)
        set(arg_LIBRARIES weft::weft)
    endif()
    add_executable(${target} ${arg_SOURCES})
    target_compile_features(${target} PRIVATE cxx_std_23)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} weft_warnings)
endfunction()

# weft_add_folders(<glob>...): enters each folder that has a CMakeLists.txt of its own.
function(weft_add_folders)
    foreach(pattern IN LISTS ARGN)
        file(GLOB lists CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${pattern}/CMakeLists.txt)
        foreach(list IN LISTS lists)
            cmake_path(GET list PARENT_PATH folder)
            add_subdirectory(${folder})
        endforeach()
    endforeach()
endfunction()
