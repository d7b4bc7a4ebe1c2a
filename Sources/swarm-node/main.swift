import ArgumentParser
import UnixSignals
print("stub")
