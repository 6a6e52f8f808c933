using MLNet.Gpt.Tests.Inference.WithoutTorch;

namespace MLNet.Gpt.Tests.Inference;

public class TorchIsNotNeededTests
{
    [Fact]
    public Task A_process_that_measures_generates_and_trains_never_loads_libtorch() =>
        ChildTestRun.Run("MLNet.Gpt.Tests.Inference.WithoutTorch", (NothingOfTorchIsLoadedTests.Variable, "1"));
}
