using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;

namespace MLNet.Gpt.Tests.Formats.Gguf;

/// <summary>
/// llama.cpp and GGML, from the package LLamaSharp.Backend.Cpu: the oracle for modern decoders, and for the types of
/// their files.
/// </summary>
internal static unsafe partial class LlamaCpp
{
    // Of enum ggml_log_level.
    private const int ErrorLevel = 4, ContinuedLevel = 5;

    private static readonly nint GgmlBase, Llama;
    private static readonly ConcurrentQueue<string> Errors = [];

    static LlamaCpp()
    {
        // In the order in which they depend on each other. The variant without vector instructions does not fuse
        // multiplications with additions.
        GgmlBase = Load("ggml-base");
        Load("ggml-cpu");
        Load("ggml");
        Llama = Load("llama");
        ((delegate* unmanaged<delegate* unmanaged<int, byte*, void*, void>, void*, void>)Export(Llama, "llama_log_set"))(&Log, null);
        ((delegate* unmanaged<void>)Export(Llama, "llama_backend_init"))();
    }

    /// <summary>The last errors that llama.cpp logged.</summary>
    public static string LastErrors => string.Join(' ', Errors);

    /// <summary>Returns a function of <c>llama.h</c>.</summary>
    public static nint Function(string name) => Export(Llama, name);

    /// <summary>Quantizes rows of one type of <c>enum ggml_type</c>; returns the bytes.</summary>
    /// <param name="type">The type.</param>
    /// <param name="numbers">The rows.</param>
    /// <param name="rowLength">Numbers per row.</param>
    /// <param name="bytesPerRow">Bytes per row.</param>
    /// <param name="searches">Whether blocks are searched for, as with an importance matrix, in which all numbers weigh the same.</param>
    public static byte[] Quantize(int type, float[] numbers, int rowLength, int bytesPerRow, bool searches = true)
    {
        int rows = numbers.Length / rowLength;
        byte[] bytes = new byte[rows * bytesPerRow];
        float[] importance = [.. Enumerable.Repeat(1f, rowLength)];
        var quantize = (delegate* unmanaged<int, float*, byte*, long, long, long, float*, nuint>)Export(GgmlBase, "ggml_quantize_chunk");
        fixed (float* source = numbers, weights = importance)
        fixed (byte* target = bytes)
        {
            Assert.Equal((nuint)bytes.Length, quantize(type, source, target, 0, rows, rowLength, searches ? weights : null));
        }

        return bytes;
    }

    /// <summary>Returns the numbers that GGML reads from quantized bytes.</summary>
    /// <param name="type">The type in lower case, such as <c>q4_K</c>.</param>
    /// <param name="bytes">Whole blocks.</param>
    /// <param name="count">The number of elements.</param>
    public static float[] Dequantize(string type, byte[] bytes, int count)
    {
        float[] numbers = new float[count];
        var dequantize = (delegate* unmanaged<byte*, float*, long, void>)Export(GgmlBase, $"dequantize_row_{type}");
        fixed (byte* source = bytes)
        fixed (float* target = numbers)
        {
            dequantize(source, target, count);
        }

        return numbers;
    }

    /// <summary>Writes a GGUF file in a type of <c>enum llama_ftype</c>, as the tool <c>llama-quantize</c> does.</summary>
    public static void QuantizeFile(string source, string target, int fileType)
    {
        // The structure begins with the number of threads and the type of file; what follows keeps its defaults.
        var parameters = ((delegate* unmanaged<Parameters>)Export(Llama, "llama_model_quantize_default_params"))();
        parameters.ThreadCount = 1;
        parameters.FileType = fileType;
        nint from = Marshal.StringToCoTaskMemUTF8(source), to = Marshal.StringToCoTaskMemUTF8(target);
        var quantize = (delegate* unmanaged<nint, nint, Parameters*, uint>)Export(Llama, "llama_model_quantize");
        uint result = quantize(from, to, &parameters);
        Marshal.FreeCoTaskMem(from);
        Marshal.FreeCoTaskMem(to);
        Assert.Equal(0u, result);
    }

    private static nint Load(string name)
    {
        string root = typeof(LlamaCpp).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(each => each.Key == nameof(LlamaCpp)).Value!;
        string architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        string file = OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";
        string native = Path.Combine(root, $"{system}-{architecture}", "native"), plain = Path.Combine(native, "noavx");
        return NativeLibrary.Load(Path.Combine(Directory.Exists(plain) ? plain : native, file));
    }

    private static nint Export(nint library, string name) => NativeLibrary.GetExport(library, name);

    [UnmanagedCallersOnly]
    private static void Log(int level, byte* text, void* data)
    {
        if (level is not (ErrorLevel or ContinuedLevel) || Marshal.PtrToStringUTF8((nint)text)?.Trim() is not { Length: > 1 } line) return;
        Errors.Enqueue(line);
        while (Errors.Count > 5) Errors.TryDequeue(out _);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        public int ThreadCount;
        public int FileType;
        private fixed byte _rest[512]; // more than any version has
    }
}
