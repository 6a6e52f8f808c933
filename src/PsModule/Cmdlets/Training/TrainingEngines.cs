using System.Reflection;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// Finds training engines by name. The module has those on libtorch only if it was staged with them, so nothing here
/// refers to their types.
/// </summary>
internal static class TrainingEngines
{
    private const string Library = "MLNet.Gpt.TorchSharp";

    /// <exception cref="FileNotFoundException">The module was staged without libtorch.</exception>
    public static TrainingEngine Load(TrainingEngineName name)
    {
        if (name == TrainingEngineName.Managed) return TrainingEngine.Managed;
        Assembly library;
        try
        {
            library = Assembly.Load(Library);
        }
        catch (FileNotFoundException missing)
        {
            throw new FileNotFoundException(
                $"The engine {name} runs on libtorch, and this copy of the module was staged without it. In the repository, run "
                + "'./build.ps1 Stage -WithTorchSharp' (or 'dotnet build src/PsModule -target:StageModule -property:WithTorchSharp=true') "
                + "and import artifacts/module-torchsharp/MLNetGpt in a new session.",
                missing);
        }

        string property = name == TrainingEngineName.PyTorchExact ? "PyTorchExact" : "Default";
        return (TrainingEngine)library.GetType($"{Library}.TorchSharpEngine", throwOnError: true)!.GetProperty(property)!.GetValue(null)!;
    }
}
