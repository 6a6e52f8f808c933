using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Hosting;

/// <summary>
/// Checks that the version of Microsoft.ML that is loaded is the one whose internals this assembly was compiled against.
/// See docs/decisions/0002-saving-through-ml-net.md.
/// </summary>
internal static class MicrosoftMLVersion
{
    private static readonly string? Problem =
        FindProblem(Required, typeof(IHostEnvironment).Assembly) ?? FindProblem(Required, typeof(MLContext).Assembly);

    /// <summary>The version that this assembly was compiled against, such as 5.0.1.</summary>
    public static string Required => typeof(MicrosoftMLVersion).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(each => each.Key == "Microsoft.ML").Value!;

    /// <summary>Checks the loaded version. All entry points of the library call it first.</summary>
    /// <exception cref="NotSupportedException">Another version is loaded; the message names both.</exception>
    public static void Check()
    {
        if (Problem is not null) throw new NotSupportedException(Problem);
    }

    /// <summary>
    /// Returns what is wrong with an assembly's version; <see langword="null"/> if it is the required one.
    /// </summary>
    /// <param name="required">The required version.</param>
    /// <param name="name">The name of the assembly.</param>
    /// <param name="loaded">Its informational version, such as 5.0.1+a4f730e; <see langword="null"/> if it has none.</param>
    public static string? FindProblem(string required, string name, string? loaded)
    {
        // The informational version is more specific than the assembly version, which is 1.0.0.0 in all releases.
        string version = loaded?.Split('+')[0] ?? "of an unknown version";
        return version == required
            ? null
            : $"The loaded {name} is {version}; this version of MLNet.Gpt works only with Microsoft.ML {required}, "
                + "because it saves and loads pipelines through its internals. "
                + $"Reference Microsoft.ML {required}, or a version of MLNet.Gpt that was built for yours.";
    }

    private static string? FindProblem(string required, Assembly assembly) => FindProblem(
        required, assembly.GetName().Name!, assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
}
