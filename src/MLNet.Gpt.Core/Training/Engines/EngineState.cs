using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Training.Engines;

/// <summary>Everything besides the weights that a step depends on, as little-endian bytes by name.</summary>
internal static unsafe class EngineState
{
    private const string Steps = "adamw.step";
    private const string Batches = "dropout.batch";
    private const string Seed = "dropout.seed";
    private const string FirstMoment = "adamw.mean.";
    private const string SecondMoment = "adamw.square.";
    private const string Value = "value.";
    private const string Base = "base.sha256";

    /// <summary>
    /// Copies the moments, the step and dropout's position; frozen weights have no moments. With adapters, also what is trained, and
    /// the fingerprint of the weights that are not.
    /// </summary>
    public static Dictionary<string, byte[]> Capture(Parameters parameters, long step, ulong batch, ulong seed)
    {
        var state = new Dictionary<string, byte[]> { [Steps] = Bytes((ulong)step), [Batches] = Bytes(batch), [Seed] = Bytes(seed) };
        foreach (var slot in Moments(parameters))
        {
            state[FirstMoment + slot.Name] = MemoryMarshal.AsBytes(new ReadOnlySpan<float>(
                parameters.FirstMoments + slot.StateOffset, (int)slot.Length)).ToArray();
            state[SecondMoment + slot.Name] = MemoryMarshal.AsBytes(new ReadOnlySpan<float>(
                parameters.SecondMoments + slot.StateOffset, (int)slot.Length)).ToArray();
        }

        if (parameters.FrozenFingerprint is not { } fingerprint) return state;
        state[Base] = fingerprint;
        foreach (var slot in parameters.Slots)
        {
            state[Value + slot.Name] = MemoryMarshal.AsBytes(new ReadOnlySpan<float>(parameters.Values + slot.Offset, (int)slot.Length))
                .ToArray();
        }

        return state;
    }

    /// <summary>Restores the moments, and with adapters what is trained.</summary>
    /// <returns>Step, batch and seed.</returns>
    /// <exception cref="ArgumentException">The adapters were trained on another model.</exception>
    /// <exception cref="InvalidDataException">
    /// Something is missing or has another length; then nothing is changed.
    /// </exception>
    public static (long Step, ulong Batch, ulong Seed) Restore(Parameters parameters, IReadOnlyDictionary<string, byte[]> state)
    {
        var found = (Step: (long)Number(state, Steps), Batch: Number(state, Batches), Seed: Number(state, Seed));
        foreach (var slot in Moments(parameters))
        {
            Entry(state, FirstMoment + slot.Name, sizeof(float) * slot.Length);
            Entry(state, SecondMoment + slot.Name, sizeof(float) * slot.Length);
        }

        if (parameters.FrozenFingerprint is { } fingerprint)
        {
            if (!Entry(state, Base, fingerprint.Length).AsSpan().SequenceEqual(fingerprint))
            {
                throw new ArgumentException("The checkpoint's adapter was trained on another model: the frozen weights differ.");
            }

            foreach (var slot in parameters.Slots) Entry(state, Value + slot.Name, sizeof(float) * slot.Length);
            foreach (var slot in parameters.Slots)
            {
                MemoryMarshal.Cast<byte, float>(state[Value + slot.Name]).CopyTo(new Span<float>(
                    parameters.Values + slot.Offset, (int)slot.Length));
            }
        }

        foreach (var slot in Moments(parameters))
        {
            MemoryMarshal.Cast<byte, float>(state[FirstMoment + slot.Name]).CopyTo(new Span<float>(
                parameters.FirstMoments + slot.StateOffset, (int)slot.Length));
            MemoryMarshal.Cast<byte, float>(state[SecondMoment + slot.Name]).CopyTo(new Span<float>(
                parameters.SecondMoments + slot.StateOffset, (int)slot.Length));
        }

        return found;
    }

    private static IEnumerable<ParameterSlot> Moments(Parameters parameters) => parameters.Slots.Where(slot => !slot.IsFrozen);

    private static byte[] Entry(IReadOnlyDictionary<string, byte[]> state, string name, long length) =>
        !state.TryGetValue(name, out byte[]? bytes) ? throw new InvalidDataException($"The training state lacks '{name}'.")
        : bytes.LongLength != length ? throw new InvalidDataException(
            $"The training state has {Quantity.Of(bytes.LongLength, "byte")} for '{name}'; {length} are needed.")
        : bytes;

    private static ulong Number(IReadOnlyDictionary<string, byte[]> state, string name) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Entry(state, name, sizeof(ulong)));

    private static byte[] Bytes(ulong number)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        return bytes;
    }
}
