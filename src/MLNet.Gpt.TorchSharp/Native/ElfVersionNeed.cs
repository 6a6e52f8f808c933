namespace MLNet.Gpt.TorchSharp;

/// <summary>A symbol version that a shared object needs of another library.</summary>
/// <param name="Library">The library that must define it, such as <c>libstdc++.so.6</c>.</param>
/// <param name="Version">The version's name, such as <c>GLIBCXX_3.4.32</c>.</param>
/// <param name="Index">What the symbols of this version carry as their version index.</param>
/// <param name="FlagsOffset">Where in the file the need's flags stand, 2 bytes.</param>
internal readonly record struct ElfVersionNeed(string Library, string Version, int Index, int FlagsOffset);
