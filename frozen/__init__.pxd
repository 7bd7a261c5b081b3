# So that `cimport frozen` finds the declarations wherever `import frozen` finds the package.
include "include/frozen.pxd"
