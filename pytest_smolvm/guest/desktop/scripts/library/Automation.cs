// UI Automation's client as COM has it (UIAutomationClient.h, since Windows 7; IUIAutomation2 since Windows 8). What counts is
// the order of the methods; those that nobody calls here have no parameters, and stand for their place alone.
namespace SmolVM.Desktop
{
    using System;
    using System.Runtime.InteropServices;

    /// <summary>IUIAutomation2, which begins with all of IUIAutomation.</summary>
    [ComImport]
    [Guid("34723aff-0c9d-49d0-9896-7ab52df8cd8a")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IAutomation
    {
        void CompareElements();

        void CompareRuntimeIds();

        void GetRootElement();

        IElement ElementFromHandle(IntPtr window);

        IElement ElementFromPoint(Native.Point point);

        void GetFocusedElement();

        void GetRootElementBuildCache();

        void ElementFromHandleBuildCache();

        IElement ElementFromPointBuildCache(Native.Point point, ICacheRequest request);

        void GetFocusedElementBuildCache();

        void CreateTreeWalker();

        void GetControlViewWalker();

        void GetContentViewWalker();

        void GetRawViewWalker();

        void GetRawViewCondition();

        void GetControlViewCondition();

        void GetContentViewCondition();

        ICacheRequest CreateCacheRequest();

        ICondition CreateTrueCondition();

        void CreateFalseCondition();

        ICondition CreatePropertyCondition(int property, [MarshalAs(UnmanagedType.Struct)] object value);

        void CreatePropertyConditionEx();

        void CreateAndCondition();

        void CreateAndConditionFromArray();

        void CreateAndConditionFromNativeArray();

        void CreateOrCondition();

        void CreateOrConditionFromArray();

        void CreateOrConditionFromNativeArray();

        void CreateNotCondition();

        void AddAutomationEventHandler();

        void RemoveAutomationEventHandler();

        void AddPropertyChangedEventHandlerNativeArray();

        void AddPropertyChangedEventHandler();

        void RemovePropertyChangedEventHandler();

        void AddStructureChangedEventHandler();

        void RemoveStructureChangedEventHandler();

        void AddFocusChangedEventHandler();

        void RemoveFocusChangedEventHandler();

        void RemoveAllEventHandlers();

        void IntNativeArrayToSafeArray();

        void IntSafeArrayToNativeArray();

        void RectToVariant();

        void VariantToRect();

        void SafeArrayToRectNativeArray();

        void CreateProxyFactoryEntry();

        [return: MarshalAs(UnmanagedType.IUnknown)]
        object GetProxyFactoryMapping();

        void GetPropertyProgrammaticName();

        void GetPatternProgrammaticName();

        void PollForPotentialSupportedPatterns();

        void PollForPotentialSupportedProperties();

        void CheckNotSupported();

        void GetReservedNotSupportedValue();

        void GetReservedMixedAttributeValue();

        void ElementFromIAccessible();

        void ElementFromIAccessibleBuildCache();

        void GetAutoSetFocus();

        void PutAutoSetFocus();

        void GetConnectionTimeout();

        /// <summary>How long a provider may take to be there.</summary>
        void PutConnectionTimeout(int milliseconds);

        void GetTransactionTimeout();

        /// <summary>How long it may take for an answer.</summary>
        void PutTransactionTimeout(int milliseconds);
    }

    [ComImport]
    [Guid("d22108aa-8ac5-49a5-837b-37bbb3d7591e")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IElement
    {
        void SetFocus();

        void GetRuntimeId();

        void FindFirst();

        void FindAll();

        IElement FindFirstBuildCache(int scope, ICondition condition, ICacheRequest request);

        IElementArray FindAllBuildCache(int scope, ICondition condition, ICacheRequest request);

        IElement BuildUpdatedCache(ICacheRequest request);

        void GetCurrentPropertyValue();

        [return: MarshalAs(UnmanagedType.Struct)]
        object GetCurrentPropertyValueEx(int property, bool ignoreDefault);

        void GetCachedPropertyValue();

        [return: MarshalAs(UnmanagedType.Struct)]
        object GetCachedPropertyValueEx(int property, bool ignoreDefault);

        void GetCurrentPatternAs();

        void GetCachedPatternAs();

        [return: MarshalAs(UnmanagedType.IUnknown)]
        object GetCurrentPattern(int pattern);
    }

    [ComImport]
    [Guid("14314595-b4bc-4055-95f2-58f2e42c9855")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface IElementArray
    {
        int GetLength();

        IElement GetElement(int index);
    }

    [ComImport]
    [Guid("352ffba8-0973-437c-a61f-f64cafd81df9")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface ICondition
    {
    }

    /// <summary>What is asked of elements together with where they are: each further question is a call into another process.</summary>
    [ComImport]
    [Guid("b32a92b5-bc25-4078-9c08-d7ee95c48e03")]
    [InterfaceType(ComInterfaceType.InterfaceIsIUnknown)]
    internal interface ICacheRequest
    {
        void AddProperty(int property);
    }
}
