# What find_package(nng CONFIG) gives: the target nng::nng.
#
#   find_package(nng 1.12 CONFIG REQUIRED)
#   target_link_libraries(program PRIVATE nng::nng)
#
# It is the shared library, or the static one with NNG_USE_STATIC_LIBS on or where there is no other. nng::shared and
# nng::static are the two by name. This file is in PREFIX/share/cmake/nng, and finds the rest from there, so a tree may
# be moved.

include(CMakeFindDependencyMacro)
find_dependency(Threads)

get_filename_component(_nng_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(_nng_places NO_DEFAULT_PATH PATHS "${_nng_prefix}"
    PATH_SUFFIXES "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib64 lib bin)
# Anew each time, as the tree may have changed. By their whole names: find_library would take either kind for "nng".
unset(_nng_shared CACHE)
unset(_nng_static CACHE)
find_library(_nng_shared NAMES
    "${CMAKE_SHARED_LIBRARY_PREFIX}nng${CMAKE_SHARED_LIBRARY_SUFFIX}" ${_nng_places})
find_library(_nng_static NAMES
    "${CMAKE_STATIC_LIBRARY_PREFIX}nng${CMAKE_STATIC_LIBRARY_SUFFIX}" ${_nng_places})

if(_nng_shared AND NOT TARGET nng::shared)
    add_library(nng::shared SHARED IMPORTED)
    set_target_properties(nng::shared PROPERTIES
        IMPORTED_LOCATION "${_nng_shared}"
        INTERFACE_INCLUDE_DIRECTORIES "${_nng_prefix}/include")
endif()
if(_nng_static AND NOT TARGET nng::static)
    add_library(nng::static STATIC IMPORTED)
    set_target_properties(nng::static PROPERTIES
        IMPORTED_LOCATION "${_nng_static}"
        INTERFACE_INCLUDE_DIRECTORIES "${_nng_prefix}/include"
        INTERFACE_COMPILE_DEFINITIONS NNG_STATIC_LIB)
    # What Rust's standard library needs of the system.
    set(_nng_system Threads::Threads ${CMAKE_DL_LIBS})
    if(UNIX AND NOT APPLE)
        list(APPEND _nng_system gcc_s util rt m)
    endif()
    set_property(TARGET nng::static PROPERTY INTERFACE_LINK_LIBRARIES "${_nng_system}")
    unset(_nng_system)
endif()

if(NOT TARGET nng::nng)
    if(TARGET nng::static AND (NNG_USE_STATIC_LIBS OR NOT TARGET nng::shared))
        add_library(nng::nng INTERFACE IMPORTED)
        set_property(TARGET nng::nng PROPERTY INTERFACE_LINK_LIBRARIES nng::static)
    elseif(TARGET nng::shared AND NOT NNG_USE_STATIC_LIBS)
        add_library(nng::nng INTERFACE IMPORTED)
        set_property(TARGET nng::nng PROPERTY INTERFACE_LINK_LIBRARIES nng::shared)
    else()
        set(nng_FOUND FALSE)
        set(nng_NOT_FOUND_MESSAGE "the library is not in lib, lib64 or bin of ${_nng_prefix}")
        if(NNG_USE_STATIC_LIBS)
            string(PREPEND nng_NOT_FOUND_MESSAGE "NNG_USE_STATIC_LIBS is on, but ")
        endif()
    endif()
endif()

# By the names of NNG 1.12, and by those of 1.5.2.
set(NNG_LIBRARY nng::nng)
set(NNG_INCLUDE_DIRS "${_nng_prefix}/include")
set(NNG_MAJOR_VERSION "${nng_VERSION_MAJOR}")
set(NNG_MINOR_VERSION "${nng_VERSION_MINOR}")
set(NNG_PATCH_VERSION "${nng_VERSION_PATCH}")
set(NNG_VERSION_MAJOR "${nng_VERSION_MAJOR}")
set(NNG_VERSION_MINOR "${nng_VERSION_MINOR}")
set(NNG_VERSION_PATCH "${nng_VERSION_PATCH}")

unset(_nng_prefix)
unset(_nng_places)
unset(_nng_shared CACHE)
unset(_nng_static CACHE)
