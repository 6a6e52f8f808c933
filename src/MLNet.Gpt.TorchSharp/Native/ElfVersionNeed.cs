namespace MLNet.Gpt.TorchSharp;

/// <summary>A symbol version that a shared object needs from another library.</summary>
/// <param name="Library">The library that must define it, such as <c>libstdc++.so.6</c>.</param>
/// <param name="Version">The version's name, such as <c>GLIBCXX_3.4.32</c>.</param>
/// <param name="Index">The version index of the symbols that have this version.</param>
/// <param name="FlagsOffset">The offset in the file of the need's flags, 2 bytes.</param>
internal readonly record struct ElfVersionNeed(string Library, string Version, int Index, int FlagsOffset);
