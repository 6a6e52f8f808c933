using System.Management.Automation;

namespace MLNetGpt.Arguments;

/// <summary>Reads the properties of objects that were stored or came from another process.</summary>
internal static class StoredProperty
{
    /// <summary>Returns a property's value.</summary>
    /// <exception cref="MissingMemberException">There is no such property.</exception>
    /// <exception cref="PSInvalidCastException">The value has another type.</exception>
    public static T Read<T>(PSObject item, string name) => item.Properties[name] is { } property
        ? LanguagePrimitives.ConvertTo<T>(property.Value)
        : throw new MissingMemberException($"It has no property {name}.");

    /// <summary>Returns a property's value, or the default if the property is missing or has none.</summary>
    /// <exception cref="PSInvalidCastException">The value has another type.</exception>
    public static T? Find<T>(PSObject item, string name) =>
        item.Properties[name]?.Value is { } value ? LanguagePrimitives.ConvertTo<T>(value) : default;
}
