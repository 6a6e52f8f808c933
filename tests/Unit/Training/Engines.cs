using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Training;

/// <summary>The training engines by their names, for the rows of theories.</summary>
internal static class Engines
{
    public const string Managed = "Managed", TorchSharp = "TorchSharp", PyTorchExact = "PyTorchExact";

    public static TrainingEngine Named(string name) =>
        new[] { TrainingEngine.Managed, TorchSharpEngine.Default, TorchSharpEngine.PyTorchExact }.Single(engine => engine.Name == name);
}
