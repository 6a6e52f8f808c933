using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Training;

/// <summary>The training engines by name, for theory data.</summary>
internal static class Engines
{
    public const string Managed = "Managed", TorchSharp = "TorchSharp", PyTorchExact = "PyTorchExact";

    public static TrainingEngine Named(string name) =>
        new[] { TrainingEngine.Managed, TorchSharpEngine.Default, TorchSharpEngine.PyTorchExact }.Single(engine => engine.Name == name);
}
