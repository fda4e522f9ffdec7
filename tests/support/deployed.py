"""Run and test an exported part where there is no more than the runtime: deployed.py FOLDER."""

import sys

import zoo_runtime

session = zoo_runtime.load(sys.argv[1])
images = session(z=session.sample_prior(3, seed=0))
differences = zoo_runtime.self_test(sys.argv[1])
assert max(differences.values()) < 1e-4, differences
there = {"keras", "tensorflow", "zoo", "onnx"} & {name.partition(".")[0] for name in sys.modules}
assert not there, there
print(*(f"{name} {image.shape}" for name, image in images.items()), differences)
